using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Decoders;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.Normalizers;
using Lorikeet.Text.Tokenization.PostProcessors;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization;

/// <summary>The stages of a tokenizer in the order text passes through them; only the model must be there.</summary>
internal sealed record TokenizerPipeline
{
    /// <summary>What is cut out of the text first.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Rewrites what lies between added tokens.</summary>
    public INormalizer? Normalizer { get; init; }

    /// <summary>Cuts that into pieces.</summary>
    public IPreTokenizer? PreTokenizer { get; init; }

    /// <summary>Turns each piece into tokens.</summary>
    public required ITokenModel Model { get; init; }

    /// <summary>Adds what goes around the tokens of a sequence.</summary>
    public IPostProcessor? PostProcessor { get; init; }

    /// <summary>Turns tokens back into text.</summary>
    public IDecoder? Decoder { get; init; }
}
