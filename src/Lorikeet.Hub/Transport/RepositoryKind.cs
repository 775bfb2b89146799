namespace Lorikeet.Hub.Transport;

/// <summary>What a repository on the hub holds.</summary>
public enum RepositoryKind
{
    /// <summary>A model or an adapter.</summary>
    Model,

    /// <summary>A dataset.</summary>
    Dataset,
}
