namespace Lorikeet;

/// <summary>Work that blocks for long, on a thread of its own instead of the caller's or the pool's.</summary>
internal static class BlockingWork
{
    /// <summary>Starts the work; the task ends as it does.</summary>
    /// <param name="name">What a debugger calls the thread.</param>
    /// <param name="work">The work.</param>
    public static Task<T> Run<T>(string name, Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (OperationCanceledException fault)
            {
                done.SetCanceled(fault.CancellationToken);
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        })
        {
            IsBackground = true,
            Name = name,
        };
        thread.Start();
        return done.Task;
    }
}
