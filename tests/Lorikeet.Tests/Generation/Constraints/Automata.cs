using Lorikeet.Formats;
using Lorikeet.Models.Grammars;
using Lorikeet.Models.Grammars.Expressions;

namespace Lorikeet.Tests.Generation.Constraints;

/// <summary>Automata of bytes, and random ways through them.</summary>
internal static class Automata
{
    public static ByteAutomaton OfRegex(string pattern)
    {
        var network = new NetworkBuilder("The regular expression");
        var rule = network.AddRule();
        var texts = CharacterDfa.Of(ExpressionParser.Parse(pattern), "The regular expression");
        new TextRules(network, isJson: false).Read(network.RuleAt(rule).Start, texts, network.RuleAt(rule).End);
        return new ByteAutomaton(network.Build(rule));
    }

    public static bool Accepts(ByteAutomaton automaton, string text) => After(automaton, text).IsAccepting;

    public static ByteState After(ByteAutomaton automaton, string text) =>
        automaton.Next(automaton.Start, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>A text that the automaton accepts, byte by byte at random; null when none was found in time.</summary>
    public static string? RandomText(ByteAutomaton automaton, ulong seed)
    {
        var bytes = new List<byte>();
        var state = automaton.Start;
        while (bytes.Count < 2_000)
        {
            if (state.IsAccepting && (!state.GoesOn || Draw(seed, bytes.Count, 0) < 0.3))
                return new System.Text.UTF8Encoding(false, true).GetString([.. bytes]);
            var next = Enumerable.Range(0, 256).Select(value => (byte)value)
                .Where(value => !automaton.Next(state, value).IsDead).ToList();
            Assert.NotEmpty(next);
            var chosen = next[(int)(Draw(seed, bytes.Count, 1) * next.Count)];
            bytes.Add(chosen);
            state = automaton.Next(state, chosen);
        }

        return null;
    }

    private static double Draw(ulong seed, int position, ulong of) =>
        CounterRandom.Uniform(seed, RandomPurpose.Sampling, (ulong)position, of);
}
