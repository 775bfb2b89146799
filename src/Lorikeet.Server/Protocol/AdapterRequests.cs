using System.Text.Json;

namespace Lorikeet.Server.Protocol;

/// <summary>The body of POST /v1/adapters.</summary>
internal sealed record AdapterRequest : RequestRecord
{
    /// <summary>What it is called as a model.</summary>
    public string? Name { get; init; }

    /// <summary>A folder below the server's adapter root, or a hub id.</summary>
    public string? Source { get; init; }

    /// <summary>Whether it takes the place of one of that name.</summary>
    public bool? Replace { get; init; }
}

/// <summary>The body of vLLM's POST /v1/load_lora_adapter.</summary>
internal sealed record LoadLoraRequest : RequestRecord
{
    public string? LoraName { get; init; }

    public string? LoraPath { get; init; }

    public bool? LoadInplace { get; init; }

    // Taken and without effect: what the adapter is on is known here.
    public string? BaseModelName { get; init; }
}

/// <summary>The body of vLLM's POST /v1/unload_lora_adapter.</summary>
internal sealed record UnloadLoraRequest : RequestRecord
{
    public string? LoraName { get; init; }

    // Taken and without effect: names are enough here.
    public int? LoraIntId { get; init; }
}
