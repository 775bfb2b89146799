using Lorikeet.Formats;
using Lorikeet.Runs;
using static Lorikeet.Formats.Quantities;

namespace Lorikeet.Cli.Rendering;

/// <summary>The line of numbers under the bar: the most telling first, as many as the terminal has room for.</summary>
internal static class TrainingNumbers
{
    private const int TrendWidth = 16;
    private const string Gap = "   ";

    /// <summary>The line as Spectre markup.</summary>
    /// <param name="progress">The run so far.</param>
    /// <param name="losses">The loss of every step of this process.</param>
    /// <param name="unicode">Whether the terminal shows block characters.</param>
    /// <param name="width">Columns there are.</param>
    public static string Fit(RunProgress progress, IReadOnlyList<double> losses, bool unicode, int width)
    {
        var line = "";
        var used = 0;
        foreach (var (name, value, style) in Numbers(progress, losses, unicode))
        {
            var length = (name.Length > 0 ? name.Length + 1 : 0) + value.Length + (used > 0 ? Gap.Length : 0);
            if (used + length > width)
                break;
            line += (used > 0 ? Gap : "") + (name.Length > 0 ? $"[dim]{name}[/] " : "") + $"[{style}]{value}[/]";
            used += length;
        }

        return line;
    }

    private static IEnumerable<(string Name, string Value, string Style)> Numbers(
        RunProgress progress, IReadOnlyList<double> losses, bool unicode)
    {
        if (progress.Latest is not { } latest)
        {
            yield return ("", "the first step is on its way", "dim");
            yield break;
        }

        yield return ("loss", Loss(progress.Loss ?? latest.Loss), "bold");
        if (unicode && losses.Count > 1)
            yield return ("", Sparkline.Of(losses, TrendWidth), "blue");
        if (progress.LatestEvaluation is { } evaluation)
        {
            yield return ("eval", Loss(evaluation.Loss), "bold");
            foreach (var (name, value) in EvaluationText.Measures(evaluation))
                yield return (name, value, "bold");
        }

        if (latest.Further.TryGetValue("rewards/accuracies", out var accuracy))
            yield return ("accuracy", Percent(accuracy), "default");
        if (latest.Further.TryGetValue("reward", out var reward))
            yield return ("reward", $"{reward:0.000}", "bold");
        yield return ("tokens/s", Count((long)(progress.TokensPerSecond ?? latest.TokensPerSecond)), "default");
        yield return ("memory", Bytes(latest.PeakMemoryBytes), "default");
        yield return ("lr", Rate(latest.LearningRate), "default");
        yield return ("epoch", $"{latest.Epoch:0.00}", "default");
    }
}
