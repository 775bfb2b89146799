using System.Text.RegularExpressions;
using Lorikeet.Text;

namespace Lorikeet.Models.Evaluation;

/// <summary>
/// How far the words of a prediction follow those of a reference, in order but not necessarily adjacent.
/// </summary>
/// <param name="Precision">Longest common subsequence over words predicted, 0 to 1.</param>
/// <param name="Recall">Longest common subsequence over words of the reference, 0 to 1.</param>
/// <param name="FMeasure">Harmonic mean of both; the figure usually called ROUGE-L.</param>
public readonly record struct RougeLScore(double Precision, double Recall, double FMeasure);

/// <summary>ROUGE-L on sentence level (Lin 2004, section 3.1), as the <c>rouge_score</c> package computes it.</summary>
/// <remarks>
/// Words are runs of letters and digits, lower case. <c>rouge_score</c> knows only a-z and 0-9 and would tear
/// "Hà Nội" into "h", "n", "i"; here letters of every script count, so ASCII text scores the same as there and other
/// text sensibly.
/// </remarks>
public static partial class RougeL
{
    /// <summary>Scores a prediction against the reference that suits it best.</summary>
    /// <param name="prediction">The model's text.</param>
    /// <param name="references">Accepted texts; at least one.</param>
    /// <param name="stem">
    /// Whether English endings are cut by Porter's algorithm first (<c>use_stemmer</c>). Default false.
    /// </param>
    public static RougeLScore Score(string prediction, IReadOnlyCollection<string> references, bool stem = false)
    {
        if (references.Count == 0)
            throw new ArgumentException("At least one reference is needed.", nameof(references));
        var predicted = Words(prediction, stem);
        return references.Select(reference => Score(predicted, Words(reference, stem))).MaxBy(score => score.FMeasure);
    }

    private static RougeLScore Score(string[] prediction, string[] reference)
    {
        if (prediction.Length == 0 || reference.Length == 0)
            return default;
        var common = LongestCommonSubsequence(prediction, reference);
        var precision = (double)common / prediction.Length;
        var recall = (double)common / reference.Length;
        return new RougeLScore(precision, recall, common == 0 ? 0 : 2 * precision * recall / (precision + recall));
    }

    private static int LongestCommonSubsequence(string[] first, string[] second)
    {
        // lengths[j]: longest subsequence of the words of 'first' so far and the first j words of 'second'.
        var lengths = new int[second.Length + 1];
        foreach (var word in first)
        {
            var diagonal = 0;
            for (var j = 1; j <= second.Length; j++)
            {
                var above = lengths[j];
                lengths[j] = word == second[j - 1] ? diagonal + 1 : Math.Max(above, lengths[j - 1]);
                diagonal = above;
            }
        }

        return lengths[^1];
    }

    private static string[] Words(string text, bool stem)
    {
        var words = Word().Matches(CanonicalText.Compose(text).ToLowerInvariant()).Select(match => match.Value);
        return [.. stem ? words.Select(word => word.Length > 3 ? PorterStemmer.Stem(word) : word) : words];
    }

    [GeneratedRegex(@"[\p{L}\p{M}\p{N}]+")]
    private static partial Regex Word();
}
