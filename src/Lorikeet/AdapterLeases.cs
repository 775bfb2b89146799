using Lorikeet.Models.Lora;

namespace Lorikeet;

/// <summary>
/// Who uses which adapter: one whose name was taken from it stays until the last of its users has ended.
/// </summary>
/// <param name="gate">That of the model.</param>
/// <param name="sync">Held by whoever calls; by those who give back too.</param>
internal sealed class AdapterLeases(ModelGate gate, Lock sync)
{
    /// <summary>
    /// What makes the host of the model forget an adapter that is to be freed, as no answer of it is under way; null
    /// without a host.
    /// </summary>
    public Func<Adapter, Task>? Forget { get; set; }

    /// <summary>One more user.</summary>
    public AdapterLease Take(LoadedAdapter loaded)
    {
        loaded.Users++;
        return new AdapterLease(loaded, GiveBack);
    }

    /// <summary>Frees an adapter that has no name any more, now or later. The caller has the model.</summary>
    public void LetGo(LoadedAdapter loaded)
    {
        loaded.IsGone = true;
        if (loaded.Users > 0)
            return;
        if (Forget is null)
            loaded.Adapter.Dispose();
        else
            _ = Free(loaded);
    }

    private ValueTask GiveBack(LoadedAdapter loaded)
    {
        lock (sync)
            return --loaded.Users > 0 || !loaded.IsGone ? ValueTask.CompletedTask : new ValueTask(Free(loaded));
    }

    private async Task Free(LoadedAdapter loaded)
    {
        if (Forget is { } forget)
            await forget(loaded.Adapter).ConfigureAwait(false);
        await Task.Run(() =>
        {
            try
            {
                using var turn = gate.Share();
                loaded.Adapter.Dispose();
            }
            catch (ObjectDisposedException)
            {
                // The model took it along.
            }
        }).ConfigureAwait(false);
    }
}
