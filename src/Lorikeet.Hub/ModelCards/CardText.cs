namespace Lorikeet.Hub.ModelCards;

/// <summary>A card, README.md, as text: YAML between two fences, then what people read.</summary>
public static class CardText
{
    private const string Fence = "---";

    // The longest that is read; the largest cards of the hub have about 5 MB, most of it YAML.
    private const int MostCharacters = 16 << 20;

    /// <summary>The YAML at the head of a card; null when it has none, or is longer than any card.</summary>
    /// <param name="path">The card.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    public static string? ReadHead(string path) => Read(path) is { } card ? Divide(card).Head : null;

    /// <summary>Reads a card; null when it is longer than any card.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    internal static string? Read(string path) =>
        new FileInfo(path).Length <= MostCharacters ? File.ReadAllText(path) : null;

    /// <summary>The YAML of a card and what follows it; null and the whole card when it has none.</summary>
    internal static (string? Head, string Body) Divide(string card)
    {
        var text = card.ReplaceLineEndings("\n");
        var first = text.IndexOf('\n');
        if (first < 0 || text[..first].TrimEnd() != Fence)
            return (null, card);
        for (var start = first + 1; start <= text.Length;)
        {
            var end = text.IndexOf('\n', start);
            end = end < 0 ? text.Length : end;
            if (text.AsSpan(start, end - start).TrimEnd().SequenceEqual(Fence))
                return (text[(first + 1)..start], text[Math.Min(end + 1, text.Length)..]);
            start = end + 1;
        }
        return (null, card);
    }
}
