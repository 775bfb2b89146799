namespace Lorikeet.Serving;

/// <summary>What became of an adapter of a <see cref="ModelHost"/>.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Name">The adapter's name.</param>
/// <param name="Source">Its folder; null where it has none.</param>
public sealed record AdapterChange(AdapterChangeKind Kind, string Name, string? Source)
{
    /// <summary>Why it could not be loaded; null unless <see cref="AdapterChangeKind.Failed"/>.</summary>
    public Exception? Fault { get; init; }
}

/// <summary>What may become of an adapter.</summary>
public enum AdapterChangeKind
{
    /// <summary>It can be asked from now on.</summary>
    Loaded,

    /// <summary>It took the place of another of its name.</summary>
    Replaced,

    /// <summary>It can be asked no more.</summary>
    Unloaded,

    /// <summary>A checkpoint of a training that is followed could not be loaded; the adapter is what it was.</summary>
    Failed,
}
