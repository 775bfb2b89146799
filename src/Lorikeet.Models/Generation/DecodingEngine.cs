using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Lorikeet.Models.Decoder;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Continues prompts of many callers together, on a thread of its own: sequences join and leave at every step, each
/// with its own adapter and options. Thread-safe.
/// </summary>
/// <remarks>
/// While it has work it uses the model, which is not thread-safe; whoever uses the model too gives it a gate.
/// </remarks>
public sealed class DecodingEngine : IAsyncDisposable
{
    private readonly DecoderModel _model;
    private readonly Tokenizer? _tokenizer;
    private readonly CachePlan _plan;
    private readonly DecodingScheduler _scheduler;
    private readonly Func<CancellationToken, IDisposable>? _gate;
    private readonly Channel<Action> _asked = // what the thread is to do before its next step
        Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<DecodingSequence, ChannelWriter<DecodedPiece>> _outputs = []; // the thread's own
    private readonly List<(ModelAdapter Adapter, TaskCompletionSource Gone)> _leaving = []; // the thread's own
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _thread;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _state = new();
    private int _isDisposed;
    private int _open; // requests that have not ended
    private Func<Exception>? _refusal; // why no request is taken; null while they are
    private EngineStatistics _statistics;
    private Exception? _fault;

    /// <summary>Allocates the cache and begins to wait for requests.</summary>
    /// <param name="model">The model, which outlives the engine. Its adapters may be asked for.</param>
    /// <param name="tokenizer">
    /// Gives the text of answers; null leaves it out, and stop strings are then an error.
    /// </param>
    /// <param name="options">Sizes; null for the defaults.</param>
    /// <param name="gate">
    /// Called before each step and disposed after it, so that the owner of the model decides when the engine may touch
    /// it; null where nobody else does. The active adapter is after a step what it was before.
    /// </param>
    /// <exception cref="ConfigurationException">The options contradict each other or the memory.</exception>
    public DecodingEngine(
        DecoderModel model, Tokenizer? tokenizer, EngineOptions? options = null,
        Func<CancellationToken, IDisposable>? gate = null)
    {
        (_model, _tokenizer, _gate) = (model, tokenizer, gate);
        _plan = CachePlan.Of(model, options ?? new EngineOptions());
        _scheduler = new DecodingScheduler(model, _plan);
        _statistics = _scheduler.Statistics;
        _thread = Task.Factory.StartNew(
            Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>What it did up to its last step.</summary>
    public EngineStatistics Statistics => Volatile.Read(ref _statistics);

    /// <summary>What ended it; null while it runs, and where it was merely disposed.</summary>
    public Exception? Fault => Volatile.Read(ref _fault);

    /// <summary>
    /// Continues a prompt; pieces come as they become certain, the last with the reason and the usage.
    /// </summary>
    /// <param name="request">The prompt.</param>
    /// <param name="cancellation">Ends the answer and frees its place.</param>
    /// <exception cref="ConfigurationException">Options are out of range, or prompt and answer too long.</exception>
    /// <exception cref="DatasetException">The prompt is empty, or has a token that the model does not know.</exception>
    /// <exception cref="EngineBusyException">The queue is full, or the engine drains.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, or the engine was disposed meanwhile.</exception>
    /// <exception cref="LorikeetException">The model gave no answer, or the engine stopped at a fault.</exception>
    public IAsyncEnumerable<DecodedPiece> Decode(DecodingRequest request, CancellationToken cancellation = default)
    {
        Validate(request);
        return Pieces(request, cancellation);
    }

    /// <summary>Throws what <see cref="Decode"/> would, without beginning.</summary>
    /// <exception cref="ConfigurationException">Options are out of range, or prompt and answer too long.</exception>
    /// <exception cref="DatasetException">The prompt is empty, or has a token that the model does not know.</exception>
    public void Validate(DecodingRequest request) => SequenceOf(request);

    /// <summary>
    /// Says that the numbers of an adapter (null: the base) changed in place: copies of them are taken anew, and what
    /// was read with the old ones serves no new request. Answers under way go on with the new ones.
    /// </summary>
    public void Refresh(ModelAdapter? adapter) => Ask(() => _scheduler.Refresh(adapter));

    /// <summary>Ends once no answer of an adapter is under way any more, so that it can be disposed.</summary>
    /// <param name="adapter">No new request may ask for it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public Task Release(ModelAdapter adapter, CancellationToken cancellation = default)
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Ask(() =>
        {
            _leaving.Add((adapter, gone));
            ReleaseAdapters();
        });
        return Task.WhenAny(gone.Task, _thread).WaitAsync(cancellation);
    }

    /// <summary>Takes no new requests, and ends when the last has ended.</summary>
    /// <param name="cancellation">Ends the waiting; requests go on.</param>
    public Task Drain(CancellationToken cancellation = default)
    {
        lock (_state)
        {
            _refusal ??= () => new EngineBusyException(
                "The engine is shutting down and takes no new requests. Ask another one.");
            if (_open == 0)
                _drained.TrySetResult();
        }

        return _drained.Task.WaitAsync(cancellation);
    }

    /// <summary>Cancels what is under way and releases the memory of the cache; the model stays.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_state)
            _refusal = () => new ObjectDisposedException(nameof(DecodingEngine));
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1)
            return;
        await _stop.CancelAsync();
        await _thread;
        _scheduler.Dispose();
        _stop.Dispose();
    }

    private async IAsyncEnumerable<DecodedPiece> Pieces(
        DecodingRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var sequence = SequenceOf(request);
        var pieces = Channel.CreateUnbounded<DecodedPiece>(new UnboundedChannelOptions { SingleReader = true });
        Open(() =>
        {
            _outputs[sequence] = pieces.Writer;
            _scheduler.Add(sequence);
        });
        try
        {
            await foreach (var piece in pieces.Reader.ReadAllAsync(cancellation))
                yield return piece;
        }
        finally
        {
            sequence.Cancel(); // seen before the next step, if it has not ended
        }
    }

    private void Open(Action begin)
    {
        lock (_state)
        {
            if (_refusal is { } refusal)
                throw refusal();
            if (_open >= _plan.MaxSequences + _plan.MaxQueue)
                throw new EngineBusyException(
                    $"{_open} requests are open: {_plan.MaxSequences} are decoded at once (max_num_seqs) and " +
                    $"{_plan.MaxQueue} may wait (max_queue). Ask again later.");
            _open++;
            Ask(begin);
        }
    }

    private void Close()
    {
        lock (_state)
        {
            _open--;
            if (_open == 0 && _refusal is not null)
                _drained.TrySetResult();
        }
    }

    private void Ask(Action action) => _asked.Writer.TryWrite(action);

    private void Run()
    {
        try
        {
            while (true)
            {
                _stop.Token.ThrowIfCancellationRequested();
                while (_asked.Reader.TryRead(out var action))
                    action();
                if (_scheduler.HasWork)
                    Step();
                else
                    _asked.Reader.WaitToReadAsync(_stop.Token).AsTask().GetAwaiter().GetResult();
            }
        }
        catch (OperationCanceledException end) when (_stop.IsCancellationRequested)
        {
            EndAll(end);
        }
        catch (Exception fault) // of the device, say: those who wait cannot hear of it otherwise
        {
            Volatile.Write(ref _fault, fault);
            EndAll(fault);
        }
    }

    private void Step()
    {
        IReadOnlyList<DecodingSequence> moved;
        using (_gate?.Invoke(_stop.Token))
            moved = _scheduler.Step();
        Volatile.Write(ref _statistics, _scheduler.Statistics);
        foreach (var sequence in moved)
            Give(sequence);
        ReleaseAdapters();
    }

    private void Give(DecodingSequence sequence)
    {
        var output = _outputs[sequence];
        if (sequence.Fault is null && !sequence.IsCancelled)
            output.TryWrite(sequence.TakePiece());
        if (sequence.Row.Finish is null)
            return;
        output.TryComplete(sequence.Fault);
        _outputs.Remove(sequence);
        Close();
    }

    private void ReleaseAdapters()
    {
        foreach (var (adapter, gone) in _leaving.Where(pair => !_scheduler.Uses(pair.Adapter)).ToList())
        {
            _scheduler.Forget(adapter);
            _leaving.RemoveAll(pair => pair.Gone == gone);
            gone.TrySetResult();
        }
    }

    private void EndAll(Exception reason)
    {
        lock (_state) // no request is opened from here on
            _refusal = _isDisposed == 1 ? _refusal : () =>
                new LorikeetException($"The engine stopped: {reason.Message}", reason);
        while (_asked.Reader.TryRead(out var action))
            action();
        foreach (var output in _outputs.Values)
        {
            output.TryComplete(reason);
            Close();
        }

        _outputs.Clear();
    }

    private DecodingSequence SequenceOf(DecodingRequest request) =>
        DecodingSequence.Of(request, _model, _tokenizer, _plan.MaxLength);
}
