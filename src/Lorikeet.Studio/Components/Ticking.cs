using Microsoft.AspNetCore.Components;

namespace Lorikeet.Studio.Components;

/// <summary>A page that looks again at regular times while somebody looks at it.</summary>
public abstract class Ticking : ComponentBase, IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private ITimer? _timer;
    private int _isLooking;

    /// <summary>Source of the times.</summary>
    [Inject]
    protected TimeProvider Clock { get; set; } = null!;

    /// <summary>Ends the looking.</summary>
    public void Dispose()
    {
        _timer?.Dispose();
        Release();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override void OnAfterRender(bool firstRender)
    {
        if (firstRender)
            _timer = Clock.CreateTimer(_ => Tick(), null, s_interval, s_interval);
    }

    /// <summary>Looks again, away from the circuit.</summary>
    /// <returns>Whether anything is to be drawn anew.</returns>
    protected abstract bool Look();

    /// <summary>Gives back what the page holds.</summary>
    protected virtual void Release()
    {
    }

    private void Tick()
    {
        if (Interlocked.Exchange(ref _isLooking, 1) == 1)
            return;
        try
        {
            if (Look())
                _ = InvokeAsync(StateHasChanged);
        }
        catch (Exception fault)
        {
            // The page's own, not the end of the program: here it would be nobody's.
            _ = DispatchExceptionAsync(fault);
        }
        finally
        {
            Volatile.Write(ref _isLooking, 0);
        }
    }
}
