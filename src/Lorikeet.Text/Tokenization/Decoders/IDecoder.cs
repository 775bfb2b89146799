namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>A step from the texts of tokens to the decoded text.</summary>
/// <remarks>
/// Decoding is a chain of sinks that tokens are pushed through, so that decoding a whole sequence and decoding token by
/// token are the same code: a sink passes on what is certain and holds back the rest.
/// </remarks>
internal interface IDecoder
{
    /// <summary>Begins decoding a sequence; the result is written to <paramref name="next"/>.</summary>
    ITextSink Open(ITextSink next);
}

/// <summary>Decoders one after the other.</summary>
internal sealed class SequenceDecoder(IReadOnlyList<IDecoder> decoders) : IDecoder
{
    public IReadOnlyList<IDecoder> Decoders => decoders;

    public ITextSink Open(ITextSink next)
    {
        foreach (var decoder in decoders.Reverse())
            next = decoder.Open(next);
        return next;
    }
}
