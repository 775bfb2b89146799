using Lorikeet.Documents.Reading;

namespace Lorikeet.Documents.Passages;

/// <summary>Cuts one document: sentences are taken in turn until the next would be too many.</summary>
internal sealed class PassageCutter(Document document, PassageOptions options)
{
    private readonly List<Passage> _passages = [];
    private readonly List<Slice> _sentences = [];
    private readonly List<(int Level, string Text)> _headings = [];

    private int _start = -1;
    private int _end;
    private int _tokens;
    private List<string> _above = [];

    public IReadOnlyList<Passage> Cut()
    {
        foreach (var part in document.Parts)
        {
            if (part.Level > 0)
                BeginSection(part);
            else
                foreach (var sentence in Sentences.Of(document.Text, part.Start, part.End).SelectMany(Fitting))
                    Take(sentence, isHeading: false);
        }

        Close();
        return _passages;
    }

    private void BeginSection(DocumentPart heading)
    {
        if (_sentences.Count > 0 && _tokens >= options.MinTokens)
            Close();
        var text = document.Text.Substring(heading.Start, heading.Length);
        _headings.RemoveAll(above => above.Level >= heading.Level);
        _headings.Add((heading.Level, text));
        var slice = new Slice(heading.Start, heading.End);
        if (Count(slice) <= options.MaxTokens / 2)
            Take(slice, isHeading: true);
    }

    private void Take(Slice slice, bool isHeading)
    {
        var tokens = Count(slice);
        if (_tokens + tokens > options.MaxTokens)
            Close();
        if (_start < 0)
        {
            _start = slice.Start;
            // The last heading stands in the passage itself where the passage begins with it.
            _above = [.. _headings.Select(heading => heading.Text).SkipLast(isHeading ? 1 : 0)];
        }

        _end = slice.End;
        _tokens += tokens;
        if (!isHeading)
            _sentences.Add(slice);
    }

    private void Close()
    {
        if (_sentences.Count > 0)
        {
            _passages.Add(new Passage(
                document.Name, document.Text[_start.._end], _start, _above,
                [.. _sentences.Select(slice => new Slice(slice.Start - _start, slice.End - _start))]));
        }

        _sentences.Clear();
        (_start, _tokens) = (-1, 0);
    }

    private IEnumerable<Slice> Fitting(Slice sentence) => Count(sentence) <= options.MaxTokens
        ? [sentence]
        : Sentences.Divide(document.Text, sentence, piece => Count(piece) <= options.MaxTokens);

    private int Count(Slice slice) => options.Count(slice.Of(document.Text));
}
