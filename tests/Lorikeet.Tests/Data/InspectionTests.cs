using Lorikeet.Data;
using Lorikeet.Data.Encoded;

namespace Lorikeet.Tests.Data;

public sealed class InspectionTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(TruncationMode.KeepStart)]
    [InlineData(TruncationMode.KeepEnd)]
    public void Preview_MarksWhatTheLimitCutsOff(TruncationMode truncation)
    {
        const int limit = 24;
        var path = _data.Write(
            "a.jsonl",
            """{"question":"Who is it that asks so long a question?","answer":"One or the other of us two, I suppose."}""");
        var whole = DataFixture.Load(path).Preview(1).Single();

        var cut = DataFixture.Load(path, new DataOptions { MaxLength = limit, Truncation = truncation });
        var preview = cut.Preview(1).Single();

        Assert.True(whole.Tokens.Count > limit);
        Assert.DoesNotContain(whole.Tokens, token => token.IsCut);
        Assert.Equal(whole.Tokens.Select(token => token.Id), preview.Tokens.Select(token => token.Id));
        Assert.Equal(cut.Train[0].Ids, preview.Tokens.Where(token => !token.IsCut).Select(token => token.Id));
        Assert.Equal(
            cut.Train[0].TargetCount, preview.Tokens.Count(token => token.IsTarget));
        Assert.Equal(cut.FirstRow, $"{preview}");
    }

    [Fact]
    public void Preview_OfARowThatTeachesNothing_SaysWhy_AndThatAllIsCut()
    {
        var rows = Enumerable.Repeat("""{"question":"Q","answer":"A"}""", 40)
            .Prepend($$"""{"question":"{{new string('w', 300)}}","answer":"A"}""");
        var path = _data.Write("a.jsonl", string.Join('\n', rows));

        var preview = DataFixture.Load(path, new DataOptions { MaxLength = 32 }).Preview(1).Single();

        Assert.Equal("no answer left within max_length", preview.DropReason);
        Assert.All(preview.Tokens, token => Assert.True(token.IsCut));
    }

    [Fact]
    public void Repetitions_AreFound_HoweverTheyAreSpelled()
    {
        var train = _data.Write("train.jsonl", """
            {"question":"Where is Huế?","answer":"In Vietnam."}
            {"question":"where  is Hue\u0302\u0301","answer":"in Vietnam"}
            {"question":"Where is Huế?","answer":"By the sea."}
            {"question":"1+1?","answer":"2"}
            {"question":"1-1?","answer":"0"}
            """);
        var eval = _data.Write("eval.jsonl", """
            {"question":"WHERE IS HUẾ","answer":"There."}
            {"question":"Where is Hanoi?","answer":"There."}
            """);

        var data = DataFixture.Load(train, new DataOptions { EvalDatasets = [eval] });

        var found = data.Repetitions!;
        Assert.Equal([(2L, 1L)], found.Duplicates.Select(row => (row.Origin.Number, row.First.Number)));
        Assert.Equal([(3L, 1L)], found.OtherAnswers.Select(row => (row.Origin.Number, row.First.Number)));
        Assert.Equal([(1L, 1L)], found.Leaks.Select(row => (row.Origin.Number, row.First.Number)));
        Assert.Contains(
            data.Warnings,
            warning => warning.StartsWith("The training data: 1 of 5 rows repeat earlier ones, but for"));
        Assert.Contains(
            data.Warnings,
            warning => warning.StartsWith("The held-out data: 1 of 2 rows ask what is also trained on, but for case"));
    }

    [Fact]
    public void ExactCopies_AreSaidOnce()
    {
        var path = _data.Write("a.jsonl", string.Join('\n', Enumerable.Repeat("""{"question":"Q","answer":"A"}""", 3)));

        var data = DataFixture.Load(path);

        Assert.Equal(2, data.Repetitions!.Duplicates.Count);
        Assert.Single(data.Warnings, warning => warning.Contains("2 of 3 rows"));
    }

    [Theory]
    [InlineData(new int[0], new int[0])]
    [InlineData(new[] { 1, 2, 16 }, new[] { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 })]
    [InlineData(new[] { 17, 2, 1, 3, 4 }, new[] { 2, 2, 0, 0, 0, 0, 0, 0, 1 })]
    public void Histogram_CountsEveryRowOnce(int[] lengths, int[] expected)
    {
        var bins = LengthBin.Histogram(lengths);

        Assert.Equal(expected, bins.Select(bin => bin.Rows));
        Assert.All(bins.Zip(bins.Skip(1)), pair => Assert.Equal(pair.First.To + 1, pair.Second.From));
    }
}
