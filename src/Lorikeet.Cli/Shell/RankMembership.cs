using Lorikeet.Cli.Rendering;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;

namespace Lorikeet.Cli.Shell;

/// <summary>This process among those that a launcher started together; by itself where none did.</summary>
internal sealed class RankMembership : IDisposable
{
    private readonly Terminal _terminal;
    private readonly RankWatch? _watch;
    private bool _failed;

    /// <summary>Joins the others, if there are any.</summary>
    /// <param name="libTorch">The option libtorch.</param>
    /// <param name="device">The option device.</param>
    /// <param name="terminal">Shows when a rank is lost.</param>
    public RankMembership(string? libTorch, string device, Terminal terminal)
    {
        (_terminal, Communicator) = (terminal, Communicator.Alone);
        if (LaunchedRank.Detect() is not { } place)
            return;
        LibTorch.Load(libTorch);
        Communicator = Communicator.Join(place, device);
        if (Communicator.Size > 1)
            _watch = new RankWatch(Communicator, Leave);
    }

    /// <summary>What the ranks tell each other.</summary>
    public Communicator Communicator { get; }

    /// <summary>Whether this is the rank that talks to the user and writes.</summary>
    public bool IsFirst => Communicator.IsFirst;

    /// <summary>Does the work of all ranks; when it fails here, the error says on which rank.</summary>
    public T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception fault) when (Communicator.Size > 1)
        {
            _failed = true;
            Communicator.Abandon();
            var stopped = fault is OperationCanceledException ? "was stopped" : "failed";
            _terminal.Error.WriteLine($"Rank {Communicator.Rank} of {Communicator.Size} on {Environment.MachineName} "
                + $"{stopped}, and ends the run for all:");
            throw;
        }
    }

    public void Dispose()
    {
        if (Communicator.Size == 1)
            return;
        // The others wait in an operation that this rank will not take part in: its death tells them.
        if (_failed)
            return;
        Communicator.Wait();
        _watch?.Dispose();
        Communicator.Dispose();
    }

    private void Leave(string fate)
    {
        _terminal.Error.WriteLine(
            $"{fate} Rank {Communicator.Rank} on {Environment.MachineName} stops. The run goes on from its last "
            + "checkpoint with --resume_from_checkpoint true, with any number of ranks.");
        NativeProcess.Leave(ExitCodes.WrongEnvironment);
    }
}
