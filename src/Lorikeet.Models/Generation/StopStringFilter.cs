using System.Text;

namespace Lorikeet.Models.Generation;

/// <summary>Lets decoded text through until a stop string appears, which may span any number of pieces.</summary>
/// <remarks>Text that could be the beginning of a stop string is held back until the next piece decides it.</remarks>
internal sealed class StopStringFilter(IReadOnlyList<string> stopStrings)
{
    private readonly StringBuilder _held = new();

    /// <summary>Whether a stop string has appeared; everything from it on is cut.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Takes the next piece of text and returns what is certainly part of the answer.</summary>
    public string Push(string piece)
    {
        if (Stopped)
            return "";
        if (stopStrings.Count == 0)
            return piece;

        var text = _held.Append(piece).ToString();
        _held.Clear();
        var end = stopStrings.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0)
            .DefaultIfEmpty(-1).Min();
        if (end >= 0)
        {
            Stopped = true;
            return text[..end];
        }

        var safe = text.Length - stopStrings.Max(stop => OverlapAtEnd(text, stop));
        _held.Append(text, safe, text.Length - safe);
        return text[..safe];
    }

    /// <summary>The text still held back, once no more will come.</summary>
    public string Flush()
    {
        var rest = _held.ToString();
        _held.Clear();
        return rest;
    }

    private static int OverlapAtEnd(string text, string stop)
    {
        for (var length = Math.Min(stop.Length - 1, text.Length); length > 0; length--)
            if (text.AsSpan().EndsWith(stop.AsSpan(0, length), StringComparison.Ordinal))
                return length;
        return 0;
    }
}
