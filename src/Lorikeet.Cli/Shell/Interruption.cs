using System.Runtime.InteropServices;

namespace Lorikeet.Cli.Shell;

/// <summary>Ctrl+C: once asks the verb to finish what it is doing and save; twice ends the process now.</summary>
internal sealed class Interruption : IDisposable
{
    private const int ExitCode = 130;
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interruption(Action<string> say)
    {
        Say = say;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
        ];
    }

    /// <summary>Cancelled by the first request.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the user asked.</summary>
    public bool Requested => _source.IsCancellationRequested;

    /// <summary>What is said at the first request; null for nothing.</summary>
    public string? Message { get; set; }

    /// <summary>How it is said: a live display takes this over, because it owns the terminal.</summary>
    public Action<string> Say { get; set; }

    /// <summary>Does something else than ending the verb; false when there is nothing else to do.</summary>
    public Func<bool>? TryInstead { get; set; }

    /// <summary>Whether the first request ends the process, because there is nothing to save.</summary>
    public bool EndsAtOnce { get; set; }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (TryInstead?.Invoke() == true) return;
        if (Requested || EndsAtOnce) Environment.Exit(ExitCode);
        if (Message is not null) Say(Message);
        _source.Cancel();
    }
}
