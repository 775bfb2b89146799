using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Lorikeet.Data;
using Lorikeet.Models.Generation;

namespace Lorikeet;

/// <summary>
/// An answer as it is generated. The model works on a thread of its own and never waits for the reader, so that a
/// reader who is slow, or asks the model something else meanwhile, delays no other caller.
/// </summary>
internal static class AnswerPieces
{
    /// <summary>The pieces of the answer to a conversation.</summary>
    public static async IAsyncEnumerable<string> Of(
        LanguageModel model, IReadOnlyList<ChatMessage> messages, GenerationOptions? generation,
        CancellationToken given, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(given, cancellation);
        var pieces = Channel.CreateUnbounded<string>(
            new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        var generating = BlockingWork.Run(
            "Lorikeet answer", () => Generate(model, messages, generation, pieces.Writer, leaving.Token));
        try
        {
            await foreach (var piece in pieces.Reader.ReadAllAsync(leaving.Token).ConfigureAwait(false))
                yield return piece;
        }
        finally
        {
            await leaving.CancelAsync().ConfigureAwait(false);
            await generating.ConfigureAwait(false);
        }
    }

    private static bool Generate(
        LanguageModel model, IReadOnlyList<ChatMessage> messages, GenerationOptions? generation,
        ChannelWriter<string> pieces,
        CancellationToken cancellation)
    {
        try
        {
            using var turn = model.Gate.Enter(cancellation);
            var asking = new ModelAsking(model, generation);
            foreach (var piece in asking.Stream(asking.Prompt(messages), cancellation))
            {
                if (piece.Text.Length > 0)
                    pieces.TryWrite(piece.Text);
            }

            pieces.Complete();
        }
        catch (Exception fault)
        {
            // The reader gets it.
            pieces.Complete(fault);
        }

        return true;
    }
}
