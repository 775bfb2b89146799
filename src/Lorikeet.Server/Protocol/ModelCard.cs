namespace Lorikeet.Server.Protocol;

/// <summary>A model of GET /v1/models.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Object">"model".</param>
/// <param name="Created">Seconds since 1970.</param>
/// <param name="OwnedBy">"lorikeet".</param>
/// <param name="Root">The same as the name.</param>
/// <param name="Parent">Name of an adapter's base; null for a base.</param>
/// <param name="MaxModelLen">Most tokens of a prompt and its answer together.</param>
internal sealed record ModelCard(
    string Id, string Object, long Created, string OwnedBy, string Root, string? Parent, int MaxModelLen);

/// <summary>The answer of GET /v1/models.</summary>
internal sealed record ModelCards(string Object, IReadOnlyList<ModelCard> Data);

/// <summary>What was taken away.</summary>
internal sealed record Deletion(string Id, string Object, bool Deleted);
