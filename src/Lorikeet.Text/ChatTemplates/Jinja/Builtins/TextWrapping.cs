using System.Text.RegularExpressions;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>Python's <c>textwrap.wrap</c> for one paragraph.</summary>
/// <param name="width">The most characters of a line.</param>
/// <param name="breakLongWords">Whether a word longer than a line is cut.</param>
/// <param name="breakOnHyphens">Whether a line may end after a hyphen inside a word.</param>
internal sealed partial class TextWrapping(int width, bool breakLongWords, bool breakOnHyphens)
{
    public IEnumerable<PyString> Wrap(PyString text)
    {
        if (width <= 0)
            throw JinjaException.Value($"invalid width {width} (must be > 0)");
        var chunks = new Stack<PyString>(Chunks(text).Reverse());
        var isFirst = true;
        while (chunks.Count > 0)
        {
            // White space that would begin a line is dropped, except at the very start.
            if (!isFirst && PyText.IsSpace(chunks.Peek().Text))
            {
                chunks.Pop();
                continue;
            }
            var line = FillLine(chunks);
            if (line.Count > 0 && PyText.IsSpace(line[^1].Text))
                line.RemoveAt(line.Count - 1);
            if (line.Count == 0)
                continue;
            isFirst = false;
            yield return PyString.Concat(line);
        }
    }

    private List<PyString> FillLine(Stack<PyString> chunks)
    {
        var line = new List<PyString>();
        var length = 0;
        while (chunks.Count > 0 && length + Length(chunks.Peek()) <= width)
        {
            length += Length(chunks.Peek());
            line.Add(chunks.Pop());
        }
        if (chunks.Count > 0 && Length(chunks.Peek()) > width)
            BreakLongWord(chunks, line, Math.Max(1, width - length));
        return line;
    }

    private void BreakLongWord(Stack<PyString> chunks, List<PyString> line, int room)
    {
        if (!breakLongWords)
        {
            if (line.Count == 0)
                line.Add(chunks.Pop());
            return;
        }

        var word = chunks.Pop();
        var cut = PyText.Offset(word.Text, room);
        if (breakOnHyphens && Length(word) > room)
        {
            var hyphen = word.Text.LastIndexOf('-', cut - 1);
            if (hyphen > 0 && word.Text.AsSpan(0, hyphen).ContainsAnyExcept('-'))
                cut = hyphen + 1;
        }
        line.Add(word.Slice(0, cut));
        chunks.Push(word.From(cut));
    }

    private static int Length(PyString text) => PyText.Length(text.Text);

    private IEnumerable<PyString> Chunks(PyString text)
    {
        var pattern = breakOnHyphens ? WordsAndHyphens() : Words();
        var position = 0;
        foreach (Match match in pattern.Matches(text.Text))
        {
            if (match.Index > position)
                yield return text.Slice(position, match.Index - position);
            yield return text.Slice(match.Index, match.Length);
            position = match.Index + match.Length;
        }
        if (position < text.Text.Length)
            yield return text.From(position);
    }

    [GeneratedRegex(@"[\t\n\v\f\r ]+")]
    private static partial Regex Words();

    [GeneratedRegex(
        @"[\t\n\v\f\r ]+|(?<=[\w!""'&.,?])-{2,}(?=\w)|[^\t\n\v\f\r ]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))" +
        @"(?=[^\d\W]-?[^\d\W])|(?=[\t\n\v\f\r ]|\z)|(?<=[\w!""'&.,?])(?=-{2,}\w))")]
    private static partial Regex WordsAndHyphens();
}
