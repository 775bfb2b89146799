using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tokenization.AddedTokens;

/// <summary>Finds added tokens in a text: the leftmost first, and of those that begin there the longest.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly SearchValues<string> _beginnings;
    private readonly FrozenDictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> _byPattern;
    private readonly int[] _lengths;

    /// <param name="tokens">Each token with the pattern to look for; empty patterns never match.</param>
    public AddedTokenMatcher(IEnumerable<(string Pattern, AddedToken Token)> tokens)
    {
        var byPattern = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        foreach (var (pattern, token) in tokens)
        {
            if (pattern.Length > 0)
                byPattern.TryAdd(pattern, token);
        }
        IsEmpty = byPattern.Count == 0;
        _beginnings = SearchValues.Create([.. byPattern.Keys], StringComparison.Ordinal);
        _byPattern = byPattern.ToFrozenDictionary(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = [.. byPattern.Keys.Select(pattern => pattern.Length).Distinct().OrderDescending()];
    }

    public bool IsEmpty { get; }

    /// <summary>Cuts the text into added tokens and the stretches between them; together they cover it.</summary>
    public List<(AddedToken? Token, int Start, int End)> Split(ReadOnlySpan<char> text)
    {
        var parts = new List<(AddedToken?, int, int)>();
        var covered = 0;
        var position = 0;
        while (!IsEmpty && Find(text, position) is var (token, found, length))
        {
            position = found + length;
            if (token.IsSingleWord && TouchesWord(text, found, position))
                continue;
            var start = token.StripsLeft ? Math.Max(covered, found - TrailingSpaces(text[..found])) : found;
            var end = token.StripsRight ? position + LeadingSpaces(text[position..]) : position;
            if (covered < start)
                parts.Add((null, covered, start));
            parts.Add((token, start, end));
            covered = end;
            position = Math.Max(position, end);
        }
        if (covered < text.Length)
            parts.Add((null, covered, text.Length));
        return parts;
    }

    private (AddedToken Token, int Start, int Length)? Find(ReadOnlySpan<char> text, int from)
    {
        var distance = text[from..].IndexOfAny(_beginnings);
        if (distance < 0)
            return null;
        var rest = text[(from + distance)..];
        foreach (var length in _lengths)
        {
            if (length <= rest.Length && _byPattern.TryGetValue(rest[..length], out var token))
                return (token, from + distance, length);
        }
        return null;
    }

    private static bool TouchesWord(ReadOnlySpan<char> text, int start, int end) =>
        (start > 0 && WordCharacters.Contains(LastRune(text[..start])))
        || (end < text.Length && WordCharacters.Contains(FirstRune(text[end..])));

    private static Rune FirstRune(ReadOnlySpan<char> text)
    {
        _ = Rune.DecodeFromUtf16(text, out var rune, out _);
        return rune;
    }

    private static Rune LastRune(ReadOnlySpan<char> text)
    {
        _ = Rune.DecodeLastFromUtf16(text, out var rune, out _);
        return rune;
    }

    private static int LeadingSpaces(ReadOnlySpan<char> text) => text.Length - text.TrimStart().Length;

    private static int TrailingSpaces(ReadOnlySpan<char> text) => text.Length - text.TrimEnd().Length;
}
