using System.Security.Cryptography;
using System.Text;
using Lorikeet.Server.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Lorikeet.Server.Access;

/// <summary>The keys that open the server; without any, everybody who reaches it may ask.</summary>
internal sealed class ApiKeys
{
    private const string Scheme = "Bearer ";

    private readonly byte[][] _hashes;

    /// <param name="keys">The keys, in any order.</param>
    public ApiKeys(IEnumerable<string> keys) => _hashes = [.. keys.Distinct().Select(Hash)];

    /// <summary>Whether a key is needed.</summary>
    public bool AreNeeded => _hashes.Length > 0;

    /// <summary>Whether a text is one of the keys.</summary>
    public bool Contains(string key) => Find(key) is not null;

    /// <summary>Who asks: a number that belongs to the key of a request that was let in.</summary>
    public static int OwnerOf(HttpContext context) => context.Features.GetRequiredFeature<Owner>().Number;

    /// <summary>Refuses a request without one of the keys.</summary>
    /// <exception cref="ApiException">The key is missing or wrong.</exception>
    public void Require(HttpContext context) => context.Features.Set(new Owner(AreNeeded ? Find(context.Request) : 0));

    private int Find(HttpRequest request)
    {
        var given = request.Headers.Authorization.ToString();
        if (given.Length == 0)
            throw Refusal("No API key was given. Expected the header 'Authorization: Bearer KEY'.");
        if (!given.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            throw Refusal("The header Authorization has another scheme. Expected 'Authorization: Bearer KEY'.");
        return Find(given[Scheme.Length..].Trim())
            ?? throw Refusal("The API key is wrong. Expected one of those that the server was started with.");
    }

    /// <summary>
    /// Compares with all keys, each in the same time: how long it takes says nothing about any of them.
    /// </summary>
    private int? Find(string key)
    {
        var hash = Hash(key);
        int? found = null;
        for (var i = 0; i < _hashes.Length; i++)
        {
            if (CryptographicOperations.FixedTimeEquals(hash, _hashes[i]))
                found = i;
        }

        return found;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    private static ApiException Refusal(string message) =>
        new(StatusCodes.Status401Unauthorized, message) { Code = "invalid_api_key" };

    private sealed record Owner(int Number);
}
