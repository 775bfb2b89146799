namespace Lorikeet.Data.Prompts;

/// <summary>How written text marks who speaks, and where in it the answers are.</summary>
/// <param name="Format">Name of the built-in format that writes prompts the same way.</param>
/// <param name="AnswerMarker">What an answer follows.</param>
/// <param name="TurnMarkers">What begins another turn, and so ends an answer.</param>
/// <param name="EndMarker">What ends an answer and belongs to it, if the markup has such a thing.</param>
internal sealed record TurnMarkup(string Format, string AnswerMarker, string[] TurnMarkers, string? EndMarker = null)
{
    /// <summary>Where Llama-2's instructions end, which stand within the first question.</summary>
    private const string SystemEnd = "<</SYS>>";

    /// <summary>What a question follows.</summary>
    public required string QuestionMarker { get; init; }

    /// <summary>Line breaks that stand between an answer's marker and its words; they belong to the prompt.</summary>
    public string Gap { get; init; } = "";

    /// <summary>The markups that are recognised.</summary>
    public static IReadOnlyList<TurnMarkup> All { get; } =
    [
        new("guanaco", "### Assistant:", ["### Human:", "### Assistant:"]) { QuestionMarker = "### Human:" },
        new("alpaca", "### Response:", ["### Instruction:", "### Input:", "### Response:"])
            { QuestionMarker = "### Instruction:" },
        new("llama-2", "[/INST]", ["<s>", "[INST]"], "</s>") { QuestionMarker = "[INST]" },
        new("chatml", "<|im_start|>assistant\n", ["<|im_start|>"], "<|im_end|>")
            { QuestionMarker = "<|im_start|>user\n" },
        new("llama-3", "<|start_header_id|>assistant<|end_header_id|>\n\n", ["<|start_header_id|>"], "<|eot_id|>")
        {
            QuestionMarker = "<|start_header_id|>user<|end_header_id|>\n\n",
        },
        new("zephyr", "<|assistant|>\n", ["<|user|>", "<|system|>", "<|assistant|>"], "</s>")
            { QuestionMarker = "<|user|>\n" },
    ];

    /// <summary>The markup that most of the texts are written in, or null.</summary>
    public static TurnMarkup? Detect(IReadOnlyCollection<string> texts) =>
        All.FirstOrDefault(markup => texts.Count(markup.IsIn) * 2 > texts.Count);

    /// <summary>The answers in a text: each from the marker to the next turn, the end marker included.</summary>
    public IReadOnlyList<(int Start, int End)> FindAnswers(string text)
    {
        var answers = new List<(int Start, int End)>();
        var turns = TurnMarkers.Select(marker => new MarkerSearch(text, marker)).ToArray();
        var ends = EndMarker is null ? null : new MarkerSearch(text, EndMarker);
        for (var start = IndexAfter(text, AnswerMarker, 0); start >= 0;)
        {
            if (string.CompareOrdinal(text, start, Gap, 0, Gap.Length) == 0)
                start += Gap.Length;
            var end = EndOf(text, start, turns, ends);
            if (!IsBlank(text[start..end]))
                answers.Add((start, end));
            start = IndexAfter(text, AnswerMarker, end);
        }
        return answers;
    }

    /// <summary>The text up to the first answer that follows a question; null where there is none.</summary>
    public string? FirstQuestion(string text)
    {
        var asked = TurnMarkers.Where(marker => marker != AnswerMarker)
            .Select(marker => IndexAfter(text, marker, 0)).Where(end => end >= 0).DefaultIfEmpty(int.MaxValue).Min();
        foreach (var (start, _) in FindAnswers(text))
            if (MarkerBefore(text, start) >= asked)
                return text[..start];
        return null;
    }

    /// <summary>The same markup with the line breaks that most answers begin after.</summary>
    public TurnMarkup WithGapOf(IReadOnlyCollection<string> texts)
    {
        var gaps = texts
            .SelectMany(text => FindAnswers(text).Take(1).Select(answer => text[answer.Start..answer.End]))
            .Select(answer => answer[..(answer[..^answer.TrimStart().Length].LastIndexOf('\n') + 1)])
            .GroupBy(gap => gap);
        return this with { Gap = gaps.MaxBy(group => group.Count())?.Key ?? "" };
    }

    /// <summary>What stands between a question and the marker of its answer, as most of the texts have it.</summary>
    public string SeparatorIn(IEnumerable<string> texts) => texts
        .Select(text => (Text: text, Marker: text.IndexOf(AnswerMarker, StringComparison.Ordinal)))
        .Where(found => found.Marker > 0)
        .Select(found => found.Text[found.Text.AsSpan(0, found.Marker).TrimEnd().Length..found.Marker])
        .GroupBy(separator => separator)
        .MaxBy(group => group.Count())?.Key ?? " ";

    /// <summary>The words of the turn that an answer follows, without its markers.</summary>
    public string QuestionBefore(string text, int answerStart)
    {
        var turn = text.AsSpan(0, MarkerBefore(text, answerStart));
        if (turn.LastIndexOf(QuestionMarker, StringComparison.Ordinal) is var index and >= 0)
            turn = turn[(index + QuestionMarker.Length)..];
        if (turn.IndexOf(SystemEnd, StringComparison.Ordinal) is var system and >= 0)
            turn = turn[(system + SystemEnd.Length)..];
        turn = turn.Trim();
        return (EndMarker is { } mark && turn.EndsWith(mark) ? turn[..^mark.Length].TrimEnd() : turn).ToString();
    }

    /// <summary>Whether nothing is said: what would be learned is a lone blank.</summary>
    private bool IsBlank(string answer) => string.IsNullOrWhiteSpace(
        EndMarker is { } mark && answer.EndsWith(mark, StringComparison.Ordinal) ? answer[..^mark.Length] : answer);

    /// <summary>Where the marker of an answer begins.</summary>
    private int MarkerBefore(string text, int answerStart) =>
        Math.Max(0, answerStart == 0 ? 0 : text.LastIndexOf(AnswerMarker, answerStart - 1, StringComparison.Ordinal));

    private bool IsIn(string text) =>
        text.Contains(AnswerMarker, StringComparison.Ordinal) &&
        TurnMarkers.Any(marker => marker != AnswerMarker && text.Contains(marker, StringComparison.Ordinal));

    private static int EndOf(string text, int start, MarkerSearch[] turns, MarkerSearch? ends)
    {
        var next = turns.Min(turn => turn.From(start));
        if (ends is not null && ends.From(start) < text.Length && ends.After(start) <= next)
            return ends.After(start);

        // The space before another turn is the turn's, not the answer's.
        return next == text.Length ? next : start + text.AsSpan(start, next - start).TrimEnd().Length;
    }

    private static int IndexAfter(string text, string marker, int from)
    {
        var index = text.IndexOf(marker, from, StringComparison.Ordinal);
        return index < 0 ? -1 : index + marker.Length;
    }

    /// <summary>Where a marker is next, from places that only move on: a text is searched once.</summary>
    private sealed class MarkerSearch(string text, string marker)
    {
        private int _found = -1;

        /// <summary>Where it next begins; the text's length where it does not.</summary>
        public int From(int start)
        {
            if (_found < start)
                _found = text.IndexOf(marker, start, StringComparison.Ordinal) is var index and >= 0
                    ? index : text.Length;
            return _found;
        }

        /// <summary>Where it next ends, if it is there.</summary>
        public int After(int start) => From(start) + marker.Length;
    }
}
