using Lorikeet.Formats.Options;

namespace Lorikeet.Documents.Reading;

/// <summary>What a document may ask of the machine before it is refused; others go on.</summary>
public sealed record DocumentOptions
{
    /// <summary>Size of a document's file, in bytes, above which it is left out.</summary>
    /// <value>64 MiB, far above books; what it unpacks to is bounded too.</value>
    [Option("max_document_bytes", Minimum = 1)]
    public long MaxBytes { get; init; } = 64L << 20;

    /// <summary>Seconds that a document may take to be read before it is left out.</summary>
    /// <value>60.</value>
    [Option("max_document_seconds", Above = 0)]
    public double MaxSeconds { get; init; } = 60;
}
