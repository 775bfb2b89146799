namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Counts comparisons and keeps the first differences for the message.</summary>
internal sealed class Mismatches
{
    private readonly List<string> _examples = [];
    private int _compared;
    private int _different;

    public void Compare(string text, string what, IEnumerable<int> expected, IEnumerable<int> actual) =>
        Compare(text, what, string.Join(' ', expected), string.Join(' ', actual));

    public void Compare(string text, string what, string expected, string actual)
    {
        _compared++;
        if (string.Equals(expected, actual, StringComparison.Ordinal))
            return;
        _different++;
        if (_examples.Count < 10)
            _examples.Add($"{what} of '{text}'\n  expected: {expected}\n  actual:   {actual}");
    }

    public void AssertNone(ITestOutputHelper output)
    {
        output.WriteLine($"{_compared - _different} of {_compared} comparisons agree.");
        Assert.True(_compared > 0, "Nothing was compared.");
        Assert.True(_different == 0, $"{_different} of {_compared} differ:\n{string.Join('\n', _examples)}");
    }
}
