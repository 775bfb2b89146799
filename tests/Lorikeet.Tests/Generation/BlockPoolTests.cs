using Lorikeet.Models.Generation;

namespace Lorikeet.Tests.Generation;

public sealed class BlockPoolTests
{
    private static readonly BlockHash s_start = BlockHash.Start(0);

    [Fact]
    public void EveryBlock_IsTakenOnce_AndTheFirstNever()
    {
        var pool = new BlockPool(5);
        int[] taken = [.. Enumerable.Range(0, 4).Select(_ => pool.Take())];
        Assert.Equal([1, 2, 3, 4], taken.Order());
        Assert.Equal(0, pool.Free);
        pool.Return(taken);
        Assert.Equal(4, pool.Free);
    }

    [Fact]
    public void AnOfferedBlock_IsFound_SharedAndKept()
    {
        var pool = new BlockPool(4);
        var block = pool.Take();
        var hash = s_start.Next([1, 2, 3]);
        pool.Offer(block, hash);
        pool.Share(pool.Find(hash)!.Value);
        pool.Return([block]);
        Assert.Equal((2, 0), (pool.Free, pool.Kept)); // the second one holds it
        pool.Return([block]);
        Assert.Equal((3, 1), (pool.Free, pool.Kept));
        Assert.Equal(block, pool.Find(hash));
        Assert.Null(pool.Find(s_start.Next([1, 2, 4])));
    }

    [Fact]
    public void KeptBlocks_AreReplaced_TheLongestUnusedFirst_AndEndsBeforeBeginnings()
    {
        var pool = new BlockPool(5);
        var first = Filled(pool, 2, 10);
        var second = Filled(pool, 2, 20);
        pool.Return(first.Blocks);
        pool.Return(second.Blocks);
        pool.Share(pool.Find(first.Hashes[0])!.Value); // used again
        pool.Return([first.Blocks[0]]);

        BlockHash[] order = [first.Hashes[1], second.Hashes[1], second.Hashes[0], first.Hashes[0]];
        foreach (var (hash, i) in order.Select((hash, i) => (hash, i)))
        {
            Assert.NotNull(pool.Find(hash));
            pool.Take();
            Assert.Null(pool.Find(hash));
            Assert.Equal(3 - i, pool.Kept);
        }
    }

    [Fact]
    public void ABlockThatIsThereAlready_StaysItsHoldersOwn()
    {
        var pool = new BlockPool(4);
        var (first, second) = (pool.Take(), pool.Take());
        var hash = s_start.Next([7]);
        pool.Offer(first, hash);
        pool.Offer(second, hash);
        Assert.Equal(first, pool.Find(hash));
        pool.Return([second]);
        Assert.Equal((2, 0), (pool.Free, pool.Kept));
    }

    [Fact]
    public void Hashes_DependOnAllTokensBefore_AndOnTheWeights()
    {
        BlockHash[] hashes =
        [
            s_start.Next([1, 2]), s_start.Next([2, 1]), s_start.Next([1]).Next([2]), s_start.Next([1, 2]).Next([1, 2]),
            BlockHash.Start(1).Next([1, 2]),
        ];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.Equal(s_start.Next([1, 2]), hashes[0]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomTraffic_KeepsTheBooks(int seed)
    {
        var random = new Random(seed);
        var pool = new BlockPool(40);
        var held = new List<List<int>>();
        for (var step = 0; step < 5000; step++)
        {
            if (random.Next(2) == 0 && held.Count > 0)
            {
                var gone = random.Next(held.Count);
                pool.Return(held[gone]);
                held.RemoveAt(gone);
            }
            else
            {
                var sequence = new List<int>();
                var (hash, story) = (s_start, random.Next(4));
                for (var i = random.Next(1, 8); i > 0; i--)
                {
                    hash = hash.Next([story, i / 3]);
                    if (pool.Find(hash) is { } shared && !sequence.Contains(shared))
                        pool.Share(shared);
                    else if (pool.Free == 0)
                        break;
                    else
                        pool.Offer(shared = pool.Take(), hash);
                    sequence.Add(shared);
                }

                held.Add(sequence);
            }

            var used = held.SelectMany(blocks => blocks).Distinct().ToList();
            Assert.Equal(pool.Count - used.Count, pool.Free);
            Assert.All(used, block => Assert.True(pool.IsHeld(block)));
        }

        foreach (var sequence in held)
            pool.Return(sequence);
        Assert.Equal(pool.Count, pool.Free);
    }

    private static (List<int> Blocks, List<BlockHash> Hashes) Filled(BlockPool pool, int count, int token)
    {
        var (blocks, hashes, hash) = (new List<int>(), new List<BlockHash>(), s_start);
        for (var i = 0; i < count; i++)
        {
            hash = hash.Next([token, i]);
            var block = pool.Take();
            pool.Offer(block, hash);
            blocks.Add(block);
            hashes.Add(hash);
        }

        return (blocks, hashes);
    }
}
