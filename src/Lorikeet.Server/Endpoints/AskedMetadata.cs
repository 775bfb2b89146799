using System.Text.Json;
using Lorikeet.Server.Protocol;

namespace Lorikeet.Server.Endpoints;

/// <summary>The labels of a response, which are kept with it: as many, and as long, as OpenAI's may be.</summary>
internal static class AskedMetadata
{
    private const int MostPairs = 16;
    private const int LongestKey = 64;
    private const int LongestValue = 512;

    /// <summary>Refuses what is no such labels.</summary>
    /// <exception cref="ApiException">They are no object of texts, too many or too long.</exception>
    public static void Check(JsonElement? metadata)
    {
        if (metadata is not { ValueKind: not JsonValueKind.Null } given)
            return;
        if (given.ValueKind != JsonValueKind.Object)
            throw ApiException.Unexpected("metadata", JsonWords.Of(given), "an object of texts");
        if (given.GetPropertyCount() > MostPairs)
        {
            throw ApiException.Unexpected(
                "metadata", $"an object of {given.GetPropertyCount()} pairs", $"up to {MostPairs}");
        }

        foreach (var pair in given.EnumerateObject())
        {
            if (pair.Name.Length > LongestKey)
            {
                throw ApiException.Unexpected(
                    "metadata", $"an object with a key of {pair.Name.Length} characters", $"up to {LongestKey}");
            }

            var param = $"metadata.{pair.Name}";
            if (pair.Value.ValueKind != JsonValueKind.String)
                throw ApiException.Unexpected(param, JsonWords.Of(pair.Value), "a text");
            if (pair.Value.GetString()!.Length is > LongestValue and var length)
                throw ApiException.Unexpected(param, $"a text of {length} characters", $"up to {LongestValue}");
        }
    }
}
