using Lorikeet.Formats;

namespace Lorikeet.Text.Tokenization;

/// <summary>
/// Text on its way through the stages. Every UTF-16 unit remembers the stretch of the original text it stands for, so
/// that a token found after any number of rewrites still knows where it came from.
/// </summary>
internal sealed class AlignedText
{
    private readonly ReadOnlyMemory<char> _chars;

    // Where nothing but the beginning has been rewritten, the alignment is the position and these stay null.
    private readonly int[]? _starts;
    private readonly int[]? _ends;
    private readonly int _origin;
    private readonly int _prefixLength;

    /// <summary>A stretch of the original that begins at unit <paramref name="origin"/>.</summary>
    public AlignedText(ReadOnlyMemory<char> original, int origin)
        : this(original, origin, prefixLength: 0, ReadingLimits.Characters(original.Length))
    {
    }

    private AlignedText(ReadOnlyMemory<char> chars, int origin, int prefixLength, int longest)
    {
        _chars = chars;
        _origin = origin;
        _prefixLength = prefixLength;
        Longest = longest;
    }

    private AlignedText(ReadOnlyMemory<char> chars, int[] starts, int[] ends, int longest)
    {
        _chars = chars;
        _starts = starts;
        _ends = ends;
        Longest = longest;
    }

    /// <summary>How long rewriting may make it.</summary>
    public int Longest { get; }

    public int Length => _chars.Length;

    public ReadOnlySpan<char> Chars => _chars.Span;

    /// <summary>Where in the original the character at <paramref name="index"/> begins.</summary>
    public int OriginalStart(int index)
    {
        if (_starts is not null)
            return _starts[index];
        return _origin + Math.Max(0, (IsSecondHalf(index) ? index - 1 : index) - _prefixLength);
    }

    /// <summary>Where in the original the character at <paramref name="index"/> ends.</summary>
    public int OriginalEnd(int index)
    {
        if (_ends is not null)
            return _ends[index];
        index = Math.Max(index, _prefixLength) + 1;
        return _origin + (index < Length && IsSecondHalf(index) ? index + 1 : index) - _prefixLength;
    }

    /// <summary>The text with something before it that stands for its first character.</summary>
    public AlignedText Prepend(string prefix)
    {
        if (Length == 0)
            return this;
        if (_starts is null && _prefixLength == 0)
            return new AlignedText(string.Concat(prefix, Chars).AsMemory(), _origin, prefix.Length, Longest);
        var rewriter = new Rewriter(this, Length + prefix.Length);
        rewriter.Append(prefix, from: 0);
        rewriter.Copy(0, Length);
        return rewriter.ToText();
    }

    /// <summary>The text with another character wherever <paramref name="replaced"/> stands.</summary>
    public AlignedText Replace(char replaced, char replacement)
    {
        if (!Chars.Contains(replaced))
            return this;
        var chars = new char[Length];
        Chars.Replace(chars, replaced, replacement);
        return _starts is null
            ? new AlignedText(chars, _origin, _prefixLength, Longest)
            : new AlignedText(chars, _starts, _ends!, Longest);
    }

    public AlignedText Slice(int start, int end)
    {
        if (start == 0 && end == Length)
            return this;
        if (_starts is not null)
            return new AlignedText(_chars[start..end], _starts[start..end], _ends![start..end], Longest);
        var prefixLength = Math.Clamp(_prefixLength - start, 0, end - start);
        return new AlignedText(_chars[start..end], _origin + Math.Max(0, start - _prefixLength), prefixLength, Longest);
    }

    private bool IsSecondHalf(int index)
    {
        var chars = _chars.Span;
        return char.IsLowSurrogate(chars[index]) && index > 0 && char.IsHighSurrogate(chars[index - 1]);
    }

    /// <summary>Writes the next version of a text, unit by unit.</summary>
    /// <remarks>Each unit written takes the alignment of one unit of the source.</remarks>
    public sealed class Rewriter(AlignedText source, int capacity)
    {
        private char[] _chars = new char[capacity];
        private int[] _starts = new int[capacity];
        private int[] _ends = new int[capacity];

        public int Length { get; private set; }

        /// <summary>Appends one unit in the place of the source's unit at <paramref name="from"/>.</summary>
        public void Append(char unit, int from) =>
            Append(unit, (source.OriginalStart(from), source.OriginalEnd(from)));

        /// <summary>Appends one unit in the place of a range of the source.</summary>
        public void Append(char unit, int start, int end) =>
            Append(unit, (source.OriginalStart(start), source.OriginalEnd(end - 1)));

        /// <summary>Appends a text whose units all stand for the source's unit at <paramref name="from"/>.</summary>
        public void Append(ReadOnlySpan<char> text, int from)
        {
            foreach (var unit in text)
                Append(unit, from);
        }

        /// <summary>Appends a text that stands for nothing of the original.</summary>
        public void AppendUnaligned(ReadOnlySpan<char> text)
        {
            foreach (var unit in text)
                Append(unit, (0, 0));
        }

        /// <summary>Copies a range of the source unchanged.</summary>
        public void Copy(int start, int end)
        {
            var chars = source.Chars;
            for (var i = start; i < end; i++)
                Append(chars[i], i);
        }

        /// <summary>Takes back units at the end that are all the same.</summary>
        public void TrimEnd(char unit)
        {
            while (Length > 0 && _chars[Length - 1] == unit)
                Length--;
        }

        public AlignedText ToText() => new(_chars.AsMemory(0, Length), _starts, _ends, source.Longest);

        private void Append(char unit, (int Start, int End) original)
        {
            if (Length == _chars.Length)
                Grow();
            _chars[Length] = unit;
            (_starts[Length], _ends[Length]) = original;
            Length++;
        }

        private void Grow()
        {
            if (Length >= source.Longest)
                throw new ReadingLimitException($"its rules make more than {source.Longest} characters of a text");
            var capacity = (int)Math.Clamp(2L * _chars.Length, 16, Math.Max(16, source.Longest));
            Array.Resize(ref _chars, capacity);
            Array.Resize(ref _starts, capacity);
            Array.Resize(ref _ends, capacity);
        }
    }
}
