using Lorikeet.Models.Grammars.Expressions;

namespace Lorikeet.Models.Grammars;

/// <summary>Writes automata of characters into a network of bytes.</summary>
/// <param name="network">The network.</param>
/// <param name="isJson">Whether characters are written as in a JSON string, with escapes; else as they are.</param>
internal sealed class TextRules(NetworkBuilder network, bool isJson)
{
    private readonly Utf8Rules _utf8 = new(network);
    private readonly Dictionary<CodePointSet, int?> _rules = [];

    /// <summary>Reads a text of the automaton.</summary>
    public void Read(int from, CharacterDfa texts, int to)
    {
        var states = Enumerable.Range(0, texts.Count).Select(_ => network.AddState()).ToArray();
        if (!texts.IsEmpty)
            network.Skip(from, states[0]);
        for (var i = 0; i < states.Length; i++)
        {
            foreach (var (characters, next) in texts.Next(i))
                ReadCharacter(states[i], characters, states[next]);
            if (texts.IsAccepting(i))
                network.Skip(states[i], to);
        }
    }

    private void ReadCharacter(int from, CodePointSet set, int to)
    {
        foreach (var (first, last) in set.Intersect(JsonStringRules.Plain(isJson)).Ranges)
            network.Read(from, (byte)first, (byte)last, to);
        if (!_rules.TryGetValue(set, out var rule))
            _rules[set] = rule = RuleOf(set);
        if (rule is { } other)
            network.Call(from, other, to);
    }

    /// <summary>Reads a character that takes more than a byte; null where the set has none.</summary>
    private int? RuleOf(CodePointSet set)
    {
        if (JsonStringRules.Plain(isJson).Complement().Intersect(set).IsEmpty)
            return null;
        var rule = network.AddRule();
        var (start, end) = (network.RuleAt(rule).Start, network.RuleAt(rule).End);
        _utf8.ReadLong(start, set, end);
        if (isJson)
            JsonStringRules.ReadEscape(network, start, set, end);
        return rule;
    }
}
