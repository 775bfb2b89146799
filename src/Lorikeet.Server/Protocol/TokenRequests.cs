namespace Lorikeet.Server.Protocol;

/// <summary>The body of POST /tokenize: a text, or messages in the model's prompt format.</summary>
internal sealed record TokenizeRequest : RequestRecord
{
    public string? Model { get; init; }

    public string? Prompt { get; init; }

    public IReadOnlyList<WireMessage>? Messages { get; init; }

    public bool? AddSpecialTokens { get; init; }
}

/// <summary>Its answer.</summary>
internal sealed record Tokenized(int Count, int MaxModelLen, IReadOnlyList<int> Tokens);

/// <summary>The body of POST /detokenize.</summary>
internal sealed record DetokenizeRequest : RequestRecord
{
    public string? Model { get; init; }

    public IReadOnlyList<int>? Tokens { get; init; }
}

/// <summary>Its answer.</summary>
internal sealed record Detokenized(string Prompt);

/// <summary>The answer of GET /health.</summary>
internal sealed record HealthReport(string Status, int Running, int Queued);
