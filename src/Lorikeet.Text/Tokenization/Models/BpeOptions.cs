namespace Lorikeet.Text.Tokenization.Models;

/// <summary>How a byte-pair encoding treats what its merges do not cover.</summary>
internal sealed record BpeOptions
{
    /// <summary>The token for characters the vocabulary lacks; without it they are dropped.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>Whether neighbouring unknown characters become one unknown token.</summary>
    public bool FusesUnknown { get; init; }

    /// <summary>Whether a character the vocabulary lacks is spelled with byte tokens.</summary>
    public bool FallsBackToBytes { get; init; }

    /// <summary>Whether a piece that is a token is taken whole, without looking at the merges.</summary>
    public bool IgnoresMerges { get; init; }

    /// <summary>Put before every character of a piece but the first when it is looked up.</summary>
    public string ContinuingSubwordPrefix { get; init; } = "";

    /// <summary>Put after the last character of a piece when it is looked up.</summary>
    public string EndOfWordSuffix { get; init; } = "";
}
