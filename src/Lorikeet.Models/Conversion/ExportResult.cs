namespace Lorikeet.Models.Conversion;

/// <summary>What an export wrote, and how it compares with what was exported.</summary>
public sealed record ExportResult
{
    /// <summary>The GGUF file.</summary>
    public required string File { get; init; }

    /// <summary>Its size in bytes.</summary>
    public required long Bytes { get; init; }

    /// <summary>How its weights are stored.</summary>
    public required GgufOutType OutType { get; init; }

    /// <summary>
    /// What of the model the file cannot hold, or llama.cpp and Ollama will do otherwise, in sentences.
    /// </summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The comparison of a whole model; null for an adapter alone.</summary>
    public ExportCheck? Model { get; init; }

    /// <summary>
    /// For an adapter alone, the largest difference between what the file and what the adapter adds to a weight, in
    /// parts of the largest element added; null for a model.
    /// </summary>
    public double? AdapterDifference { get; init; }

    /// <summary>Whether the file holds the same, up to what its types round away; otherwise it was not kept.</summary>
    public required bool Passed { get; init; }
}
