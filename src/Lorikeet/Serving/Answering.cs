using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Lorikeet.Models.Generation;

namespace Lorikeet.Serving;

/// <summary>Answers of one served model: the adapter stays as it is until the last of a request has ended.</summary>
/// <param name="engine">Decodes them.</param>
/// <param name="adapters">Those of the model.</param>
/// <param name="name">The adapter; null for the base.</param>
internal sealed class Answering(DecodingEngine engine, ModelAdapters adapters, string? name)
{
    /// <summary>A request for each of several answers to one prompt.</summary>
    public static IReadOnlyList<DecodingRequest> Repeat(
        DecodingRequest request, Func<TokenConstraint>? form, int answers) => [.. Enumerable.Range(0, answers)
            .Select(i => request with { Repetition = i, Constraint = form?.Invoke() })];

    /// <summary>The pieces of several answers to one request, as they come; each with the answer it belongs to.</summary>
    /// <param name="requests">The request of each answer, without the adapter.</param>
    /// <param name="cancellation">Ends them all.</param>
    public async IAsyncEnumerable<(int Answer, DecodedPiece Piece)> Decode(
        IReadOnlyList<DecodingRequest> requests, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var lease = name is null ? null : await Lease(cancellation).ConfigureAwait(false);
        List<DecodingRequest> adapted = [.. requests.Select(request => request with { Adapter = lease?.Adapter })];
        if (adapted is [var only])
        {
            await foreach (var piece in engine.Decode(only, cancellation).ConfigureAwait(false))
                yield return (0, piece);
            yield break;
        }

        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var pieces = Channel.CreateUnbounded<(int, DecodedPiece)>(new UnboundedChannelOptions { SingleReader = true });
        var reading = Task.WhenAll(adapted.Select((request, i) => Read(request, i, pieces.Writer, leaving)));
        try
        {
            var left = adapted.Count;
            await foreach (var (answer, piece) in pieces.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                yield return (answer, piece);
                if (piece.Finish is not null && --left == 0)
                    break;
            }
        }
        finally
        {
            await leaving.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Of an adapter in training a copy is made, in a turn that the run gives.
    private Task<AdapterLease> Lease(CancellationToken cancellation) =>
        adapters.TryLease(name!) is { } lease
            ? Task.FromResult(lease)
            : BlockingWork.Run("Lorikeet adapter", () => adapters.Lease(name!, cancellation));

    private async Task Read(
        DecodingRequest request, int answer, ChannelWriter<(int, DecodedPiece)> pieces, CancellationTokenSource leaving)
    {
        try
        {
            await foreach (var piece in engine.Decode(request, leaving.Token).ConfigureAwait(false))
                pieces.TryWrite((answer, piece));
        }
        catch (Exception fault)
        {
            pieces.TryComplete(fault);
        }
    }
}
