namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>The characters of a pattern, read from left to right.</summary>
internal sealed class PatternText(string pattern)
{
    private const int ShownCharacters = 80;

    private readonly int[] _characters = [.. pattern.EnumerateRunes().Select(rune => rune.Value)];

    public int Position { get; set; }

    public bool IsAtEnd => Position == _characters.Length;

    public int Current => _characters[Position];

    /// <summary>The next character; the end is a fault.</summary>
    public int Take() => IsAtEnd ? throw Fault("it ends too early", "Complete it") : _characters[Position++];

    public bool TryTake(char expected)
    {
        if (IsAtEnd || Current != expected)
            return false;
        Position++;
        return true;
    }

    /// <summary>A number in decimal digits, if one stands here.</summary>
    public int? TakeNumber()
    {
        var start = Position;
        var value = 0L;
        while (!IsAtEnd && Current is >= '0' and <= '9')
            value = Math.Min((10 * value) + Take() - '0', int.MaxValue);
        return Position == start ? null : (int)value;
    }

    /// <summary>A character code of so many hexadecimal digits.</summary>
    public int TakeHexadecimal(int digits)
    {
        var start = Position;
        var value = 0;
        for (var i = 0; i < digits; i++)
        {
            var digit = Take();
            if (digit > 'f' || !char.IsAsciiHexDigit((char)digit))
                throw Fault($"{digits} hexadecimal digits were expected", "Write the code in full", start);
            value = (16 * value) + Convert.ToInt32(((char)digit).ToString(), 16);
        }

        return value;
    }

    /// <summary>An error that says where in the pattern it is.</summary>
    /// <param name="what">What is wrong, without a full stop.</param>
    /// <param name="advice">What to do, without a full stop.</param>
    /// <param name="position">Which character; else the one before the next.</param>
    public ConfigurationException Fault(string what, string advice, int? position = null)
    {
        var shown = pattern.Length > ShownCharacters ? pattern[..ShownCharacters] + "..." : pattern;
        return new ConfigurationException(
            $"The regular expression '{shown}' cannot be used: {what}, at character "
            + $"{1 + (position ?? Math.Max(Position - 1, 0))}. {advice}.");
    }
}
