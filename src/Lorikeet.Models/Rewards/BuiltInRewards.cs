using System.Globalization;
using System.Text;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Grammars;

namespace Lorikeet.Models.Rewards;

/// <summary>The rewards that options name.</summary>
internal static class BuiltInRewards
{
    /// <summary>Their names, for messages.</summary>
    public const string Known =
        "exact_match, f1, rougeL, regex:PATTERN, json_schema:FILE, length:N or length:N-M";

    /// <summary>The reward of a name; null where there is none.</summary>
    /// <exception cref="ConfigurationException">What follows the name is wrong.</exception>
    public static Reward? Find(string text)
    {
        var (name, argument) = text.IndexOf(':') is var colon and >= 0
            ? (text[..colon], text[(colon + 1)..])
            : (text, null);
        return (name.ToLowerInvariant(), argument) switch
        {
            ("exact_match" or "em", null) => Compared(
                text, answer => SquadMetrics.ExactMatch(answer.Text, answer.Answers.ToArray()) ? 1 : 0),
            ("f1", null) => Compared(text, answer => SquadMetrics.F1(answer.Text, answer.Answers.ToArray())),
            ("rougel" or "rouge_l", null) => Compared(
                text, answer => RougeL.Score(answer.Text, answer.Answers.ToArray()).FMeasure),
            ("regex", { Length: > 0 } pattern) => OfForm(text, TextForms.OfExpression(pattern)),
            ("json_schema", { Length: > 0 } schema) => OfForm(
                text, TextForms.OfSchema(TextForms.SchemaText(schema, "json_schema of 'reward_funcs'"))),
            ("length", { Length: > 0 } limits) => OfLength(text, limits),
            _ => null,
        };
    }

    private static Reward Compared(string name, Func<Completion, double> score) =>
        Reward.Of(name, score, needsAnswers: true);

    /// <summary>1 where the whole answer is of a form, else 0.</summary>
    private static Reward OfForm(string name, ByteAutomaton form) => Reward.Of(
        name, answer => form.Next(form.Start, Encoding.UTF8.GetBytes(answer.Text)).IsAccepting ? 1 : 0);

    /// <summary>
    /// 0 up to N tokens, then down a line to -1 at M, twice N where it is left out: DAPO's soft punishment of what is
    /// too long (arXiv 2503.14476, equation 13).
    /// </summary>
    private static Reward OfLength(string name, string limits)
    {
        var parts = limits.Split('-');
        if (parts.Length > 2 || !TryRead(parts[0], out var free) || !TryRead(parts[^1], out var most)
            || (parts.Length == 2 && most <= free))
            throw new ConfigurationException(
                $"'reward_funcs' holds '{name}'. Expected length:N, or length:N-M with M above N: answers of up to N "
                + "tokens lose nothing, those of M (twice N where it is left out) or more lose 1.");
        if (parts.Length == 1)
            most = 2 * free;
        return Reward.Of(name, answer => -Math.Clamp((double)(answer.Ids.Count - free) / (most - free), 0, 1));
    }

    private static bool TryRead(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number is > 0 and < 1 << 24;
}
