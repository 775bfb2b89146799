using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Lorikeet.Server.Endpoints;

/// <summary>Several sequences at once.</summary>
internal static class Merging
{
    /// <summary>The elements of all, as they come, each with the number of its sequence.</summary>
    /// <param name="sources">The sequences.</param>
    /// <param name="cancellation">Ends all; so does a fault of one.</param>
    public static async IAsyncEnumerable<(int Source, T Element)> Of<T>(
        IReadOnlyList<IAsyncEnumerable<T>> sources, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var elements = Channel.CreateUnbounded<(int, T)>(new UnboundedChannelOptions { SingleReader = true });
        var reading = ReadAll(sources, elements.Writer, leaving.Token);
        try
        {
            await foreach (var element in elements.Reader.ReadAllAsync(cancellation))
                yield return element;
        }
        finally
        {
            await leaving.CancelAsync();
            await reading;
        }
    }

    private static async Task ReadAll<T>(
        IReadOnlyList<IAsyncEnumerable<T>> sources, ChannelWriter<(int, T)> elements, CancellationToken cancellation)
    {
        await Task.WhenAll(sources.Select(async (source, i) =>
        {
            try
            {
                await foreach (var element in source.WithCancellation(cancellation))
                    elements.TryWrite((i, element));
            }
            catch (Exception fault)
            {
                elements.TryComplete(fault); // who reads gets it, and ends the others
            }
        }));
        elements.TryComplete();
    }
}
