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

    /// <summary>
    /// The pieces of several answers to one request, as they come; each with the answer it belongs to.
    /// </summary>
    /// <param name="requests">The request of each answer, without the adapter.</param>
    /// <param name="isDone">Whether nothing more is wanted of an answer; asked after each of its pieces.</param>
    /// <param name="cancellation">Ends them all.</param>
    public async IAsyncEnumerable<(int Answer, DecodedPiece Piece)> Decode(
        IReadOnlyList<DecodingRequest> requests, Func<int, bool> isDone,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var lease = name is null ? null : await Lease(cancellation).ConfigureAwait(false);
        List<DecodingRequest> adapted = [.. requests.Select(request => request with { Adapter = lease?.Adapter })];
        if (adapted is [var only])
        {
            await foreach (var piece in engine.Decode(only, cancellation).ConfigureAwait(false))
            {
                yield return (0, piece);
                if (isDone(0))
                    yield break;
            }

            yield break;
        }

        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var open = new OpenAnswers(adapted.Count, leaving.Token);
        var pieces = Channel.CreateUnbounded<(int, DecodedPiece)>(new UnboundedChannelOptions { SingleReader = true });
        var reading = Task.WhenAll(adapted.Select((request, i) => Read(request, i, pieces.Writer, open)));
        try
        {
            await foreach (var (answer, piece) in pieces.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                if (!open.Has(answer))
                    continue; // decoded before its end was heard of
                yield return (answer, piece);
                if ((piece.Finish is not null || isDone(answer)) && open.Close(answer) == 0)
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
        DecodingRequest request, int answer, ChannelWriter<(int, DecodedPiece)> pieces, OpenAnswers open)
    {
        try
        {
            await foreach (var piece in engine.Decode(request, open.TokenOf(answer)).ConfigureAwait(false))
                pieces.TryWrite((answer, piece));
        }
        catch (OperationCanceledException) when (!open.Has(answer))
        {
            // Enough of this one is there; others go on.
        }
        catch (Exception fault)
        {
            pieces.TryComplete(fault);
        }
    }

    /// <summary>The answers of which more is wanted. Thread-safe.</summary>
    private sealed class OpenAnswers : IDisposable
    {
        private readonly CancellationTokenSource[] _ends;
        private readonly Lock _lock = new();
        private readonly HashSet<int> _open;

        public OpenAnswers(int count, CancellationToken all)
        {
            _open = [.. Enumerable.Range(0, count)];
            _ends = [.. _open.Select(_ => CancellationTokenSource.CreateLinkedTokenSource(all))];
        }

        public CancellationToken TokenOf(int answer) => _ends[answer].Token;

        public bool Has(int answer)
        {
            lock (_lock)
                return _open.Contains(answer);
        }

        /// <summary>Ends an answer; returns how many are left.</summary>
        public int Close(int answer)
        {
            int left;
            lock (_lock)
            {
                _open.Remove(answer);
                left = _open.Count;
            }

            _ends[answer].Cancel();
            return left;
        }

        public void Dispose()
        {
            foreach (var end in _ends)
                end.Dispose();
        }
    }
}
