using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>
/// The body of a request. Names are those of the properties in snake_case; what is null was not given.
/// </summary>
internal abstract record RequestRecord
{
    /// <summary>Arguments of other names, which are read over unless one is a known one misspelt.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Others { get; set; }
}
