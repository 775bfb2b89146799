using System.Diagnostics.CodeAnalysis;

namespace Lorikeet;

/// <summary>Lets one caller at a time use a model: others wait, and while a run trains it they are refused.</summary>
[SuppressMessage(
    "Design", "CA1001", Justification = "A SemaphoreSlim whose wait handle is not asked for holds nothing; callers may still wait in it.")]
internal sealed class ModelGate
{
    private readonly SemaphoreSlim _free = new(1, 1);
    private volatile string? _reservation;
    private volatile bool _isClosed;

    /// <summary>Waits until the model is free and takes it until the result is disposed.</summary>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public IDisposable Enter(CancellationToken cancellation = default)
    {
        Take(cancellation);
        return new Pass(this, reserves: false);
    }

    /// <summary>The same for a long time: others are refused with a reason instead of waiting.</summary>
    /// <param name="reason">What the model is busy with, as the end of "The model ".</param>
    public IDisposable Reserve(string reason)
    {
        Take(CancellationToken.None);
        _reservation = reason;
        return new Pass(this, reserves: true);
    }

    /// <summary>Waits for the last caller; no call begins afterwards. False when the gate was closed before.</summary>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public bool TryClose()
    {
        if (_isClosed)
            return false;
        RequireFree();
        _free.Wait();
        var closes = !_isClosed; // another may have closed it during the wait
        _isClosed = true;
        _free.Release();
        return closes;
    }

    // Held against the state again after the wait: the model may have been disposed or reserved meanwhile.
    private void Take(CancellationToken cancellation)
    {
        RequireFree();
        _free.Wait(cancellation);
        try
        {
            RequireFree();
        }
        catch
        {
            _free.Release();
            throw;
        }
    }

    private void RequireFree()
    {
        ObjectDisposedException.ThrowIf(_isClosed, typeof(LanguageModel));
        if (_reservation is { } reason)
            throw new InvalidOperationException(
                $"The model {reason}. Use it when that has ended, or load a second one.");
    }

    private void Leave(bool reserves)
    {
        if (reserves)
            _reservation = null;
        _free.Release();
    }

    private sealed class Pass(ModelGate gate, bool reserves) : IDisposable
    {
        private int _isLeft;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
                gate.Leave(reserves);
        }
    }
}
