using Lorikeet.Models.Lora;

namespace Lorikeet;

/// <summary>An adapter that stays as it is until this is disposed.</summary>
/// <param name="loaded">The adapter.</param>
/// <param name="giveBack">Takes it back.</param>
internal sealed class AdapterLease(LoadedAdapter loaded, Func<LoadedAdapter, ValueTask> giveBack) : IAsyncDisposable
{
    private int _isOver;

    public Adapter Adapter => loaded.Adapter;

    public ValueTask DisposeAsync() =>
        Interlocked.Exchange(ref _isOver, 1) == 0 ? giveBack(loaded) : ValueTask.CompletedTask;
}
