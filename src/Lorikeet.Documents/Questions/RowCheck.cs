using System.Text;
using System.Text.RegularExpressions;
using Lorikeet.Documents.Passages;
using Lorikeet.Text;

namespace Lorikeet.Documents.Questions;

/// <summary>What a written row is held to.</summary>
/// <param name="options">How strictly.</param>
internal sealed partial class RowCheck(QuestionWriterOptions options)
{
    private readonly HashSet<string> _asked = [];

    /// <summary>
    /// Why a row is not kept, else where its quote stands; questions that were kept are remembered.
    /// </summary>
    public RejectReason? Judge(ProposedRow row, string passage, out Slice quote)
    {
        quote = default;
        if (row.Question.Trim().Length == 0)
            return RejectReason.NoQuestion;
        if (!SaysSomething(row.Answer))
            return RejectReason.NoAnswer;
        if (QuoteMatch.Find(passage, row.Quote) is not { } found)
            return RejectReason.QuoteNotFound;
        quote = found;
        if (Support(row.Answer, passage) < options.AnswerSupport)
            return RejectReason.AnswerNotSupported;
        if (SpeaksOfThePassage().IsMatch(CanonicalText.Compose(row.Question)))
            return RejectReason.NotSelfContained;
        return _asked.Add(Key(row.Question)) ? null : RejectReason.RepeatedQuestion;
    }

    /// <summary>
    /// The share of the answer's words that stand in the passage; 0 where a number does not. Yes and no need not.
    /// </summary>
    private static double Support(string answer, string passage)
    {
        var words = Words().Matches(Lower(answer)).Select(match => match.Value).ToList();
        if (YesOrNo().IsMatch(answer))
            return 1;
        var known = Words().Matches(Lower(passage)).Select(match => match.Value).ToHashSet();
        if (words.Count == 0 || words.Any(word => char.IsDigit(word[0]) && !known.Contains(word)))
            return 0;
        // Words of languages that do not divide them are looked for as parts.
        var text = Lower(passage);
        return (double)words.Count(
            word => known.Contains(word) || word[0] >= '\u2e80' && text.Contains(word, StringComparison.Ordinal)) /
            words.Count;
    }

    private static bool SaysSomething(string answer) =>
        answer.Any(char.IsLetterOrDigit) && !SaysNothing().IsMatch(CanonicalText.Compose(answer).Trim());

    /// <summary>
    /// A question in the one spelling that is compared: no case, no punctuation, one blank between words.
    /// </summary>
    internal static string Key(string question)
    {
        var key = new StringBuilder();
        foreach (var character in Lower(question))
        {
            if (char.IsLetterOrDigit(character) || char.IsSymbol(character))
                key.Append(character);
            else if (key.Length > 0 && key[^1] != ' ')
                key.Append(' ');
        }

        return key.ToString().TrimEnd(' ');
    }

    private static string Lower(string text) => CanonicalText.Compose(text).ToLowerInvariant();

    [GeneratedRegex(@"\d+(?:[.,]\d+)*|[\p{L}\p{M}]+")]
    private static partial Regex Words();

    [GeneratedRegex(@"^\W*(yes|no|true|false|có|không|đúng|sai|phải)\b", RegexOptions.IgnoreCase)]
    private static partial Regex YesOrNo();

    [GeneratedRegex(
        @"^(n/?a|none|unknown|not (stated|mentioned|given|specified|available)( .*)?|i don'?t know|" +
        @"không (rõ|biết|có thông tin|được (nêu|nhắc|đề cập).*)|chưa rõ)\W*$",
        RegexOptions.IgnoreCase)]
    private static partial Regex SaysNothing();

    [GeneratedRegex(
        @"\b((the|this|given|above) (passage|text|excerpt|document|paragraph|section|article)|" +
        @"(đoạn văn|đoạn trích|văn bản|bài viết|tài liệu|đoạn) (này|trên|đã cho)|theo đoạn (văn|trích))\b",
        RegexOptions.IgnoreCase)]
    private static partial Regex SpeaksOfThePassage();
}
