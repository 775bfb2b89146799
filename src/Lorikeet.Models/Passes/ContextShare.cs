// One batch over C ranks (context parallelism). Each rank has T / C tokens in a row, and all weights; norms,
// projections and the head need no others. Attention does, so there the ranks change places: each gets all tokens of
// H / C heads,
//
//     [T/C tokens, H heads]  --exchange-->  [T tokens, H/C heads]  attention  --exchange-->  [T/C tokens, H heads]
//
// and back the same way in the backward pass (DeepSpeed-Ulysses, arXiv 2309.14509). What a rank sends of a layer does
// not grow with C. Gradients of the weights are sums over tokens: those of the ranks add up as those of micro-batches
// do.
using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>What a rank computes of a batch that several share.</summary>
internal sealed class ContextShare
{
    /// <param name="ranks">Those that share each batch.</param>
    public ContextShare(Communicator ranks) => Ranks = ranks;

    /// <summary>Those that share each batch.</summary>
    public Communicator Ranks { get; }

    /// <summary>How many they are.</summary>
    public int Size => Ranks.Size;

    /// <summary>The shape of attention on each rank: its share of the heads.</summary>
    /// <exception cref="ConfigurationException">They cannot be divided.</exception>
    public static AttentionShape Heads(AttentionShape shape, int size) =>
        shape.Heads % size == 0 && shape.KeyValueHeads % size == 0
            ? shape with { Heads = shape.Heads / size, KeyValueHeads = shape.KeyValueHeads / size }
            : throw new ConfigurationException(
                $"'context_parallel_size' is {size}, and the model has {shape.Heads} heads and {shape.KeyValueHeads} "
                + "of keys and values, which the ranks divide among themselves. Expected a number that divides both: "
                + $"{string.Join(", ", Divisors(shape))}.");

    /// <summary>A batch whose tokens every rank has as many of, in whole blocks.</summary>
    public Batch Filled(Batch batch, int multiple) => batch.FilledTo(multiple * Size);

    /// <summary>The tokens of this rank, as a range.</summary>
    public TokenRange Own(Batch batch)
    {
        var count = batch.TokenCount / Size;
        return new TokenRange(Ranks.Rank * count, count);
    }

    /// <summary>Heads change places with tokens: [T/C, C · width] to [T, width].</summary>
    /// <param name="columns">
    /// Widths, in a row of the matrix, of what is divided among the ranks each by itself: queries, keys, values.
    /// </param>
    public Tensor ToHeads(Tensor tokens, IReadOnlyList<long> columns)
    {
        using var scope = NewDisposeScope();
        var (rows, width) = (tokens.shape[0], columns.Sum() / Size);
        var sent = empty([Size, rows, width], tokens.dtype, tokens.device);
        ForEachPart(columns, (rank, from, to, count) =>
            sent.select(0, rank).narrow(1, to, count).copy_(tokens.narrow(1, from, count)));
        var received = empty([Size, rows, width], tokens.dtype, tokens.device);
        Ranks.Exchange(sent, received);
        return received.view(Size * rows, width).MoveToOuterDisposeScope();
    }

    /// <summary>The way back: [T, width] to [T/C, C · width].</summary>
    /// <param name="heads">Contiguous.</param>
    /// <param name="columns">As in <see cref="ToHeads"/>.</param>
    /// <param name="tokens">Receives it.</param>
    public void ToTokens(Tensor heads, IReadOnlyList<long> columns, Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var received = empty_like(heads);
        Ranks.Exchange(heads, received);
        var parts = received.view(Size, heads.shape[0] / Size, heads.shape[1]); // [C, T/C, width]
        ForEachPart(columns, (rank, to, from, count) =>
            tokens.narrow(1, to, count).copy_(parts.select(0, rank).narrow(1, from, count)));
    }

    /// <summary>For each rank and each kind of column: where it lies among all heads, and among the rank's.</summary>
    private void ForEachPart(IReadOnlyList<long> columns, Action<int, long, long, long> move)
    {
        for (var rank = 0; rank < Size; rank++)
        {
            var (start, ownStart) = (0L, 0L);
            foreach (var width in columns)
            {
                var own = width / Size;
                move(rank, start + rank * own, ownStart, own);
                (start, ownStart) = (start + width, ownStart + own);
            }
        }
    }

    private static IEnumerable<int> Divisors(AttentionShape shape) => Enumerable.Range(1, shape.KeyValueHeads)
        .Where(size => shape.Heads % size == 0 && shape.KeyValueHeads % size == 0);
}

/// <summary>Tokens in a row.</summary>
/// <param name="Start">The first.</param>
/// <param name="Count">How many.</param>
internal readonly record struct TokenRange(int Start, int Count);
