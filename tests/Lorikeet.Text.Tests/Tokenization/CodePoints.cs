namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Ranges as the Python libraries count them.</summary>
internal static class CodePoints
{
    /// <summary>Start and end of every range, in code points instead of UTF-16 units.</summary>
    public static IEnumerable<int> Of(string text, (int Start, int End)[] offsets)
    {
        var codePoints = new int[text.Length + 1];
        for (var i = 0; i < text.Length; i++)
            codePoints[i + 1] = codePoints[i] + (char.IsHighSurrogate(text[i]) ? 0 : 1);
        return offsets.SelectMany(offset => new[] { codePoints[offset.Start], codePoints[offset.End] });
    }
}
