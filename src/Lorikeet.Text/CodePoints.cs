namespace Lorikeet.Text;

/// <summary>Places in a text as Python counts them: in code points instead of .NET's UTF-16 units.</summary>
public sealed class CodePoints
{
    private readonly int[] _before;

    /// <summary>Counts the code points of a text.</summary>
    public CodePoints(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _before = new int[text.Length + 1];
        for (var i = 0; i < text.Length; i++)
        {
            var isFirstHalf = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            _before[i + 1] = _before[i] + (isFirstHalf ? 0 : 1);
        }
    }

    /// <summary>A half-open range of UTF-16 units as one of code points.</summary>
    public (int Start, int End) Of((int Start, int End) range) => (_before[range.Start], _before[range.End]);
}
