using System.Diagnostics;

namespace Lorikeet;

/// <summary>
/// Lets one caller at a time use a model, in the order in which they came. While a run trains it, callers are refused;
/// but short ones, such as a step of a <see cref="Serving.ModelHost"/>, wait until the run gives them turns.
/// </summary>
internal sealed class ModelGate
{
    // Between two steps of an engine, which come at once while it has work.
    private static readonly TimeSpan s_pauseOfASharer = TimeSpan.FromMilliseconds(2);

    private readonly object _sync = new();
    private readonly LinkedList<Caller> _waiting = [];
    private bool _isTaken;
    private bool _isClosed;
    private Reservation? _reservation;
    private string? _damage;

    /// <summary>How many wait.</summary>
    public int Waiting
    {
        get
        {
            lock (_sync)
                return _waiting.Count;
        }
    }

    /// <summary>Waits until the model is free and takes it until the result is disposed.</summary>
    /// <exception cref="InvalidOperationException">
    /// A run trains the model, or one that trained all of its weights failed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public IDisposable Enter(CancellationToken cancellation = default) =>
        Take(new Caller(isShort: false), cancellation);

    /// <summary>
    /// The same for work of a moment, which leaves the model as it was: while a run trains the model, it waits for a
    /// turn between two of the run's passes.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// A run trains all of the model's weights, and gives no turns.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public IDisposable Share(CancellationToken cancellation = default) => Take(new Caller(isShort: true), cancellation);

    /// <summary>Takes the model for a long time: others are refused with a reason instead of waiting.</summary>
    /// <param name="reason">What the model is busy with, as the end of "The model ".</param>
    /// <param name="givesTurns">
    /// Whether <see cref="Share"/> waits for <see cref="GiveTurns"/>; else it is refused too.
    /// </param>
    public IDisposable Reserve(string reason, bool givesTurns = false)
    {
        lock (_sync)
        {
            var pass = Take(new Caller(isShort: false), CancellationToken.None);
            _reservation = pass.Reservation = new Reservation(reason, givesTurns);
            Monitor.PulseAll(_sync); // who waited is refused now
            return pass;
        }
    }

    /// <summary>
    /// Lets those who wait in <see cref="Share"/> use the model that the caller has reserved, one after the other,
    /// until none waits or the time is over; one has its turn in any case. Returns at once when none waits.
    /// </summary>
    /// <param name="most">When the last turn begins, if not with the first.</param>
    public void GiveTurns(TimeSpan most)
    {
        lock (_sync)
        {
            if (_reservation is not { GivesTurns: true } reservation || !AnyIsShort())
                return;
            reservation.TurnsEnd = Stopwatch.GetTimestamp() + (long)(most.TotalSeconds * Stopwatch.Frequency);
            reservation.OwesATurn = true;
            Leave(null);
            while (_isTaken || reservation.HasTurns)
            {
                if (_isTaken || AnyIsShort())
                    Monitor.Wait(_sync);
                else if (!Monitor.Wait(_sync, s_pauseOfASharer))
                    break;
            }

            (reservation.TurnsEnd, reservation.OwesATurn) = (0, false);
            _isTaken = true;
        }
    }

    /// <summary>Refuses all further callers: the weights are no longer those that were loaded.</summary>
    /// <param name="reason">What happened, as the end of "The model ".</param>
    public void Condemn(string reason)
    {
        lock (_sync)
        {
            _damage = reason;
            Monitor.PulseAll(_sync);
        }
    }

    /// <summary>Waits for the last caller; no call begins afterwards. False when the gate was closed before.</summary>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public bool TryClose()
    {
        lock (_sync)
        {
            if (_isClosed)
                return false;
            IDisposable pass;
            try
            {
                pass = Take(new Caller(isShort: false, closes: true), CancellationToken.None);
            }
            catch (ObjectDisposedException)
            {
                return false; // another closed it during the wait
            }

            _isClosed = true;
            pass.Dispose();
            return true;
        }
    }

    // Held against the state again after every wait: the model may have been disposed or reserved meanwhile.
    private Pass Take(Caller caller, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (_sync)
        {
            Require(caller);
            var place = _waiting.AddLast(caller);
            var waking = cancellation.UnsafeRegister(_ => Wake(), null);
            try
            {
                while (_isTaken || !IsNext(caller))
                {
                    Monitor.Wait(_sync);
                    cancellation.ThrowIfCancellationRequested();
                    Require(caller);
                }

                _isTaken = true;
                if (_reservation is { } reservation)
                    reservation.OwesATurn = false;
                return new Pass(this);
            }
            finally
            {
                waking.Unregister(); // Dispose would wait for a waking that waits for this lock
                _waiting.Remove(place);
                Monitor.PulseAll(_sync);
            }
        }
    }

    private bool IsNext(Caller caller) => _reservation is null
        ? _waiting.First?.Value == caller
        : _reservation.HasTurns && _waiting.First(waiting => waiting.IsShort) == caller;

    private bool AnyIsShort() => _waiting.Any(waiting => waiting.IsShort);

    private void Require(Caller caller)
    {
        ObjectDisposedException.ThrowIf(_isClosed, typeof(LanguageModel));
        if (_reservation is { } reservation && !(caller.IsShort && reservation.GivesTurns))
            throw new InvalidOperationException(
                $"The model {reservation.Reason}. Use it when that has ended, or load a second one.");
        if (_damage is { } damage && !caller.Closes)
            throw new InvalidOperationException($"The model {damage}. Dispose it and load it again.");
    }

    private void Wake()
    {
        lock (_sync)
            Monitor.PulseAll(_sync);
    }

    private void Leave(Reservation? reservation)
    {
        lock (_sync)
        {
            if (reservation is not null)
                _reservation = null;
            _isTaken = false;
            Monitor.PulseAll(_sync);
        }
    }

    private sealed class Caller(bool isShort, bool closes = false)
    {
        public bool IsShort => isShort;

        public bool Closes => closes;
    }

    private sealed class Reservation(string reason, bool givesTurns)
    {
        public string Reason => reason;

        public bool GivesTurns => givesTurns;

        /// <summary>A timestamp; 0 while no turns are given.</summary>
        public long TurnsEnd { get; set; }

        /// <summary>Whether nobody has had a turn since turns are given.</summary>
        public bool OwesATurn { get; set; }

        public bool HasTurns => OwesATurn || Stopwatch.GetTimestamp() < TurnsEnd;
    }

    private sealed class Pass(ModelGate gate) : IDisposable
    {
        private int _isLeft;

        public Reservation? Reservation { get; set; }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
                gate.Leave(Reservation);
        }
    }
}
