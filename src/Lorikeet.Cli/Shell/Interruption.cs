using System.Runtime.InteropServices;
using Lorikeet.Formats;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// Ctrl+C and SIGTERM. The first ends the process at once, unless the verb has something to save: then it asks the verb
/// to finish what it is doing, and only the second ends the process.
/// </summary>
internal sealed class Interruption : IDisposable
{
    // What a shell reports of a process that a signal ended: 128 and the signal's number.
    private const int CodeOfInterrupt = 128 + 2;
    private const int CodeOfTermination = 128 + 15;

    private static readonly TimeSpan s_longestClearing = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action<int, string?> _leave;
    private volatile string? _promise;
    private volatile bool _isUsual;

    /// <summary>Listens from now on.</summary>
    /// <param name="say">Writes a line to the user; a live display may take it over.</param>
    public Interruption(Action<string> say) : this(say, LeaveWith(TerminalState.Remember(), say))
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    /// <summary>Listens to nothing but <see cref="Receive"/>.</summary>
    internal Interruption(Action<string> say, Action<int, string?> leave) =>
        (Say, _leave, _registrations) = (say, leave, []);

    /// <summary>Cancelled by a request that the verb honours by finishing.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the verb was asked to finish.</summary>
    public bool Requested => _source.IsCancellationRequested;

    /// <summary>
    /// The exit code of a process that was asked to end: 130 after Ctrl+C, 143 after SIGTERM; 0 where that is its usual
    /// end.
    /// </summary>
    public int ExitCode { get; private set; } = CodeOfInterrupt;

    /// <summary>Writes a line to the user: a live display takes this over, because it owns the terminal.</summary>
    public Action<string> Say { get; set; }

    /// <summary>Does something else than ending the verb; false when there is nothing else to do.</summary>
    public Func<bool>? TryInstead { get; set; }

    /// <summary>
    /// What is under way and cannot be finished when the process ends at once, said as its last line; null for nothing.
    /// </summary>
    public string? Unfinished { get; set; }

    /// <summary>
    /// The last line of a process that ends at once and leaves nothing <see cref="Unfinished"/>; null for none.
    /// </summary>
    public Func<string?>? LastWords { get; set; }

    /// <summary>From now on the verb has something to save, and ends soon after it is asked to.</summary>
    /// <param name="promise">What is said at the first request.</param>
    /// <param name="isUsual">Whether the verb has no other end, so that this one is success.</param>
    public void FinishFirst(string promise, bool isUsual = false) => (_isUsual, _promise) = (isUsual, promise);

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    /// <summary>
    /// What a signal does. Nothing here waits, so that a second signal is never held up by the first.
    /// </summary>
    internal void Receive(PosixSignal signal)
    {
        if (signal == PosixSignal.SIGINT && TryInstead?.Invoke() == true)
            return;
        ExitCode = signal == PosixSignal.SIGTERM ? CodeOfTermination : CodeOfInterrupt;
        if (Requested || _promise is not { } promise)
        {
            _leave(ExitCode, Unfinished ?? LastWords?.Invoke());
            return;
        }

        if (_isUsual)
            ExitCode = 0;
        _source.Cancel();
        Say(promise);
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        Receive(context.Signal);
    }

    private static Action<int, string?> LeaveWith(TerminalState terminal, Action<string> say) => (code, words) =>
    {
        // A terminal that takes no text, or a slow disk, must not keep the process alive.
        var clearing = new Thread(() =>
        {
            TemporaryPlace.DeleteAll();
            terminal.Restore();
            if (words is not null)
                say(words);
        })
        { IsBackground = true };
        clearing.Start();
        clearing.Join(s_longestClearing);
        NativeProcess.Leave(code);
    };
}
