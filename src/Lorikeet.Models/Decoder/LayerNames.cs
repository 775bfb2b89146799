namespace Lorikeet.Models.Decoder;

/// <summary>What the checkpoints of a family call the parts of a decoder layer, behind "model.layers.N.".</summary>
internal sealed record LayerNames
{
    /// <summary>The names of Llama, which most families share.</summary>
    public static LayerNames Llama { get; } = new();

    public string Query { get; init; } = TensorNames.Query;

    public string Key { get; init; } = TensorNames.Key;

    public string Value { get; init; } = TensorNames.Value;

    /// <summary>Query, key and value below each other in one matrix, where they are stored so.</summary>
    public string QueryKeyValue { get; init; } = TensorNames.QueryKeyValue;

    public string Output { get; init; } = TensorNames.Output;

    public string Gate { get; init; } = TensorNames.Gate;

    public string Up { get; init; } = TensorNames.Up;

    /// <summary>Gate and up below each other in one matrix, where they are stored so.</summary>
    public string GateUp { get; init; } = TensorNames.GateUp;

    public string Down { get; init; } = TensorNames.Down;

    public string QueryNorm { get; init; } = TensorNames.QueryNorm;

    public string KeyNorm { get; init; } = TensorNames.KeyNorm;

    /// <summary>Before attention.</summary>
    public string InputNorm { get; init; } = TensorNames.InputNorm;

    /// <summary>Of what attention adds.</summary>
    public string AttentionOutputNorm { get; init; } = TensorNames.PostAttentionNorm;

    /// <summary>Before the feed-forward block.</summary>
    public string FeedForwardNorm { get; init; } = TensorNames.PostAttentionNorm;

    /// <summary>Of what the feed-forward block adds.</summary>
    public string FeedForwardOutputNorm { get; init; } = TensorNames.PostFeedForwardNorm;

    /// <summary>Chooses the experts of a token.</summary>
    public string Router { get; init; } = TensorNames.Router;

    /// <summary>The name, inside a layer, of a part of an expert.</summary>
    public static string Expert(int expert, string part) => $"{TensorNames.Experts}.{expert}.{part.Split('.')[^1]}";
}
