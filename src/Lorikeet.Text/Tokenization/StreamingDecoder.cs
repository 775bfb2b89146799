using Lorikeet.Text.Tokenization.Decoders;

namespace Lorikeet.Text.Tokenization;

/// <summary>Decodes tokens one by one while a model generates them.</summary>
/// <remarks>
/// What <see cref="Append"/> and <see cref="Flush"/> return, put together, is what <see cref="Tokenizer.Decode"/>
/// returns for all ids. A character is never broken: the bytes of an incomplete one are held back. Not thread-safe.
/// </remarks>
/// <param name="tokenizer">The tokenizer of the model.</param>
/// <param name="skipSpecialTokens">Whether special tokens are left out of the text.</param>
public sealed class StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens = false)
{
    private readonly TextCollector _text = new();
    private ITextSink? _chain;

    /// <summary>Takes the next token and returns the text that is certain now, which may be empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such id.</exception>
    public string Append(int id)
    {
        Push(id);
        return _text.Take();
    }

    /// <summary>Ends the sequence and returns what was held back; the next token begins a new sequence.</summary>
    public string Flush()
    {
        Chain.Complete();
        _chain = null;
        return _text.Take();
    }

    internal void Push(int id)
    {
        tokenizer.CheckId(id);
        if ((skipSpecialTokens && tokenizer.IsSpecial(id)) || tokenizer.TokenAt(id) is not { } token)
            return;
        try
        {
            Chain.Write(token, starts: true, ends: true);
        }
        catch (ReadingLimitException fault)
        {
            throw new CheckpointException(
                $"The tokenizer cannot decode the token {id}: {fault.Message}. Where: '{tokenizer.Folder}'. "
                + "Fetch it again from a source you trust.",
                fault);
        }
    }

    private ITextSink Chain => _chain ??= tokenizer.OpenDecoder(_text);
}
