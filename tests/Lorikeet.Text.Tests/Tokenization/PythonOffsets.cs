namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Ranges as the Python libraries count them.</summary>
internal static class PythonOffsets
{
    /// <summary>Start and end of every range, in code points instead of UTF-16 units.</summary>
    public static IEnumerable<int> Of(string text, (int Start, int End)[] offsets)
    {
        var places = new CodePoints(text);
        return offsets.Select(places.Of).SelectMany(range => new[] { range.Start, range.End });
    }
}
