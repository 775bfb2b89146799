namespace Lorikeet.Server.Endpoints;

/// <summary>Signs of life while an answer takes its time.</summary>
internal static class KeepAlive
{
    /// <summary>The same elements; while the next one is waited for, something is done at every interval.</summary>
    /// <param name="source">The elements. It ends soon after the caller's token is cancelled.</param>
    /// <param name="interval">How long nothing may come.</param>
    /// <param name="beat">What is done then.</param>
    /// <param name="clock">Measures the interval.</param>
    public static async IAsyncEnumerable<T> During<T>(
        IAsyncEnumerable<T> source, TimeSpan interval, Func<Task> beat, TimeProvider clock)
    {
        await using var elements = source.GetAsyncEnumerator();
        while (true)
        {
            var next = elements.MoveNextAsync();
            if (!(next.IsCompleted ? await next : await Await(next.AsTask(), interval, beat, clock)))
                yield break;
            yield return elements.Current;
        }
    }

    private static async Task<bool> Await(Task<bool> next, TimeSpan interval, Func<Task> beat, TimeProvider clock)
    {
        try
        {
            while (true)
            {
                // The element may come between the end of the interval and this thread's turn: it counts, not the time.
                await ((Task)next).WaitAsync(interval, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (next.IsCompleted)
                    return await next;
                await beat();
            }
        }
        finally
        {
            // An enumerator may not be disposed while it is asked for the next element.
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
