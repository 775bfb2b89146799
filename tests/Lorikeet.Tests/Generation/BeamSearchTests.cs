using Lorikeet.Models.Generation;

namespace Lorikeet.Tests.Generation;

public sealed class BeamSearchTests
{
    private const int Vocabulary = 5;
    private const int End = 0;

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.0)]
    [InlineData(2.5)]
    public void WideSearch_FindsTheBestOfAllSequences(double lengthPenalty)
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var model = new TokenChain(seed);
            // As many beams as there are sequences: nothing is ever pruned, and nothing may end the search early.
            var search = Run(model, new GenerationOptions
            {
                Beams = 200,
                LengthPenalty = lengthPenalty,
                EndTokens = [End],
                EarlyStopping = EarlyStopping.Never,
            }, maxNewTokens: 3);
            var (best, score) = AllSequences(model, 3)
                .Select(tokens => (tokens, model.LogProbability(tokens) / Math.Pow(tokens.Length, lengthPenalty)))
                .MaxBy(candidate => candidate.Item2);
            Assert.Equal(best, search.Best.Tokens);
            Assert.Equal(score, search.Best.Score, 4);
        }
    }

    [Fact]
    public void OneBeam_IsGreedy()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var model = new TokenChain(seed);
            var greedy = new List<int>();
            while (greedy.Count < 6 && (greedy.Count == 0 || greedy[^1] != End))
                greedy.Add(LogitsMath.ArgMax(model.Row(greedy)));
            var search = Run(model, new GenerationOptions { Beams = 1, EndTokens = [End], LengthPenalty = 0 }, 6);
            Assert.Equal(greedy, search.Best.Tokens);
        }
    }

    [Fact]
    public void WhenFull_StopsWithTheFirstSequencesThatEnd()
    {
        var model = new TokenChain(3);
        var full = Run(
            model, new GenerationOptions { Beams = 2, EndTokens = [End], EarlyStopping = EarlyStopping.WhenFull }, 40);
        var never = Run(
            model, new GenerationOptions { Beams = 2, EndTokens = [End], EarlyStopping = EarlyStopping.Never }, 40);
        Assert.True(full.Steps <= never.Steps);
        Assert.True(full.Best.Score <= never.Best.Score);
    }

    private static (Beam Best, int Steps) Run(TokenChain model, GenerationOptions options, int maxNewTokens)
    {
        var search = new BeamSearch(options, maxNewTokens, tokens => tokens[^1] == End);
        var steps = 0;
        while (!search.IsDone)
        {
            search.Step([.. search.Running.SelectMany(beam => model.Row(beam.Tokens))]);
            steps++;
        }

        return (search.Best, steps);
    }

    private static IEnumerable<int[]> AllSequences(TokenChain model, int maxLength, int[]? prefix = null)
    {
        for (var id = 0; id < Vocabulary; id++)
        {
            int[] tokens = [.. prefix ?? [], id];
            if (id == End || tokens.Length == maxLength)
                yield return tokens;
            else
                foreach (var longer in AllSequences(model, maxLength, tokens))
                    yield return longer;
        }
    }

    /// <summary>A language in which the next token depends on the last one only.</summary>
    private sealed class TokenChain
    {
        private readonly float[][] _logProbabilities; // [last token, next token]; the last row begins

        public TokenChain(int seed)
        {
            var random = new Random(seed);
            _logProbabilities = new float[Vocabulary + 1][];
            for (var last = 0; last <= Vocabulary; last++)
            {
                var row = Enumerable.Range(0, Vocabulary).Select(_ => (float)(random.NextDouble() * 4)).ToArray();
                LogitsMath.LogSoftmax(row, new float[Vocabulary]);
                _logProbabilities[last] = row;
            }
        }

        public float[] Row(IReadOnlyList<int> tokens) => _logProbabilities[tokens.Count == 0 ? Vocabulary : tokens[^1]];

        public double LogProbability(int[] tokens) =>
            tokens.Select((id, i) => (double)Row(tokens[..i])[id]).Sum();
    }
}
