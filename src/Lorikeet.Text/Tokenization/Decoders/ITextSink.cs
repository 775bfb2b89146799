namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Takes the text of tokens as it becomes known.</summary>
internal interface ITextSink
{
    /// <summary>Takes a token's text or a part of it.</summary>
    /// <param name="text">The part.</param>
    /// <param name="starts">Whether the token begins with it.</param>
    /// <param name="ends">Whether the token ends with it.</param>
    void Write(ReadOnlySpan<char> text, bool starts, bool ends);

    /// <summary>No more tokens come: what was held back is written.</summary>
    void Complete();
}
