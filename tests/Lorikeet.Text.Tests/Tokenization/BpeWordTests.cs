using CsCheck;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tests.Tokenization;

public sealed class BpeWordTests
{
    private const int Symbols = 6;
    private static readonly Gen<int> s_symbol = Gen.Int[0, Symbols + 4];

    [Fact]
    public void Merge_AnyMerges_EqualsTryingAllPairsEachTime() =>
        Gen.Select(Gen.Select(s_symbol, s_symbol).Array[0, 12], Gen.Int[0, 3].Array[0, 30]).Sample(
            (pairs, word) =>
            {
                var table = new MergeTable(pairs.Length);
                var merges = new Dictionary<(int, int), (int Rank, int Id)>();
                for (var rank = 0; rank < pairs.Length; rank++)
                {
                    // What a merge makes is used once, so that ranks tell symbols apart.
                    var pair = (pairs[rank].Item1, pairs[rank].Item2);
                    if (!merges.TryAdd(pair, (rank, Symbols + rank)))
                        continue;
                    table.Add(pair.Item1, pair.Item2, rank, Symbols + rank);
                }
                Assert.Equal(MergeSlowly([.. word], merges), Merge(word, table));
            });

    private static List<int> Merge(int[] ids, MergeTable merges)
    {
        var word = new BpeWord();
        for (var i = 0; i < ids.Length; i++)
            word.Add(ids[i], i, i + 1);
        word.Merge(merges);
        var tokens = new TokenBuffer();
        word.CopyTo(tokens, offset: 0);
        return [.. Enumerable.Range(0, tokens.Count).Select(tokens.IdAt)];
    }

    // The definition: of all pairs that merge, the lowest rank, and of equal ranks the leftmost.
    private static List<int> MergeSlowly(List<int> word, Dictionary<(int, int), (int Rank, int Id)> merges)
    {
        while (true)
        {
            var best = Enumerable.Range(0, Math.Max(0, word.Count - 1))
                .Where(i => merges.ContainsKey((word[i], word[i + 1])))
                .OrderBy(i => merges[(word[i], word[i + 1])].Rank)
                .ThenBy(i => i)
                .FirstOrDefault(-1);
            if (best < 0)
                return word;
            word[best] = merges[(word[best], word[best + 1])].Id;
            word.RemoveAt(best + 1);
        }
    }
}
