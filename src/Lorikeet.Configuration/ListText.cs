namespace Lorikeet.Configuration;

/// <summary>A list written as one text: <c>a,b</c> or <c>[a, b]</c>.</summary>
internal static class ListText
{
    /// <summary>The elements, without blanks around them.</summary>
    /// <param name="text">What was written.</param>
    /// <param name="arePaths">Whether elements may be files, whose names may hold commas and brackets.</param>
    public static IReadOnlyList<string> Split(string text, bool arePaths)
    {
        if (arePaths && Exists(text))
            return [text];
        var pieces = AtCommas(IsEnclosed(text.Trim()) ? text.Trim()[1..^1] : text);
        var elements = new List<string>();
        for (var first = 0; first < pieces.Count;)
        {
            // What exists as it stands is one element, be there commas in its name.
            var last = pieces.Count - 1;
            while (last > first && !(arePaths && Exists(Join(pieces, first, last))))
                last--;
            if (Join(pieces, first, last) is { Length: > 0 } element)
                elements.Add(element);
            first = last + 1;
        }

        return elements;
    }

    private static string Join(List<string> pieces, int first, int last) =>
        string.Join(',', pieces[first..(last + 1)]).Trim();

    /// <summary>Whether a path is there, be it followed by :split.</summary>
    private static bool Exists(string text)
    {
        if (Path.Exists(text))
            return true;
        for (var colon = text.IndexOf(':'); colon >= 0; colon = text.IndexOf(':', colon + 1))
            if (colon > 1 && Path.Exists(text[..colon]))
                return true;
        return false;
    }

    /// <summary>
    /// Whether the bracket at the beginning is closed by the one at the end: not so in <c>[a],[b]</c>.
    /// </summary>
    private static bool IsEnclosed(string text)
    {
        if (text is not ['[', .., ']'])
            return false;
        var depth = 0;
        for (var i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '[' => 1, ']' => -1, _ => 0 };
            if (depth == 0)
                return i == text.Length - 1;
        }

        return false;
    }

    private static List<string> AtCommas(string text)
    {
        var pieces = new List<string>();
        var (start, depth) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '[' => 1, ']' => -1, _ => 0 };
            if (text[i] != ',' || depth > 0)
                continue;
            pieces.Add(text[start..i]);
            start = i + 1;
        }

        pieces.Add(text[start..]);

        // A bracket that nothing closes keeps no comma from separating.
        return depth > 0 ? [.. text.Split(',')] : pieces;
    }
}
