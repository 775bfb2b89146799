using System.Text;
using System.Text.RegularExpressions;
using Lorikeet.Text;

namespace Lorikeet.Models.Evaluation;

/// <summary>
/// Exact match and F1 of short answers, as the SQuAD evaluation defines them (arXiv 1606.05250, section 6).
/// </summary>
/// <remarks>
/// Reference: SQuAD's <c>evaluate-v2.0.py</c>. Texts are brought to Unicode form NFC first, so that a Vietnamese answer
/// counts however its accents were typed; English results are the official ones.
/// </remarks>
public static partial class SquadMetrics
{
    /// <summary>The ASCII punctuation that the reference removes (Python's <c>string.punctuation</c>).</summary>
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    /// <summary>Whether the prediction equals one of the answers after <see cref="Normalize"/>.</summary>
    /// <param name="prediction">The model's answer.</param>
    /// <param name="answers">Accepted answers; at least one.</param>
    public static bool ExactMatch(string prediction, IReadOnlyCollection<string> answers)
    {
        RequireAnswers(answers);
        var normalized = Normalize(prediction);
        return answers.Any(answer => Normalize(answer) == normalized);
    }

    /// <summary>Harmonic mean of word precision and recall against the best of the answers, 0 to 1.</summary>
    /// <param name="prediction">The model's answer.</param>
    /// <param name="answers">Accepted answers; at least one. An empty one means "not answerable".</param>
    public static double F1(string prediction, IReadOnlyCollection<string> answers)
    {
        RequireAnswers(answers);
        var words = Words(prediction);
        return answers.Max(answer => F1(words, Words(answer)));
    }

    /// <summary>
    /// Lower case, without ASCII punctuation and the articles a, an, the; words separated by one space.
    /// </summary>
    public static string Normalize(string text) => string.Join(' ', Words(text));

    private static string[] Words(string text)
    {
        var letters = new StringBuilder(text.Length);
        foreach (var letter in CanonicalText.Compose(text).ToLowerInvariant())
            if (!Punctuation.Contains(letter))
                letters.Append(letter);
        return Article().Replace(letters.ToString(), " ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    private static double F1(string[] prediction, string[] answer)
    {
        if (prediction.Length == 0 || answer.Length == 0)
            return prediction.Length == answer.Length ? 1 : 0;

        var unmatched = answer.CountBy(word => word).ToDictionary();
        var shared = 0;
        foreach (var word in prediction)
        {
            if (unmatched.GetValueOrDefault(word) == 0)
                continue;
            unmatched[word]--;
            shared++;
        }

        if (shared == 0)
            return 0;
        var precision = (double)shared / prediction.Length;
        var recall = (double)shared / answer.Length;
        return 2 * precision * recall / (precision + recall);
    }

    private static void RequireAnswers(IReadOnlyCollection<string> answers)
    {
        if (answers.Count == 0)
            throw new ArgumentException("At least one accepted answer is needed.", nameof(answers));
    }

    [GeneratedRegex(@"\b(a|an|the)\b")]
    private static partial Regex Article();
}
