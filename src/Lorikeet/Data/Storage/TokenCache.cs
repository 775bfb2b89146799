using System.Text.Json;
using Lorikeet.Data.Reading;
using Lorikeet.Formats;
using Lorikeet.Options;

namespace Lorikeet.Data.Storage;

/// <summary>
/// Encoded rows on disk, under a key made of all that they depend on: a run with the same data, tokenizer, template and
/// options takes them as they are.
/// </summary>
internal sealed class TokenCache
{
    /// <summary>Data from this size on is worth a cache: below it, encoding takes seconds.</summary>
    private const long WorthwhileBytes = 32L << 20;

    private const string FactsFile = "facts.json";

    private readonly string _folder;
    private readonly bool _overwrites;

    private TokenCache(string folder, bool overwrites) => (_folder, _overwrites) = (folder, overwrites);

    /// <summary>The cache for a source, or null when its rows are to be encoded into memory.</summary>
    public static TokenCache? For(DataOptions options, RowSource source)
    {
        var isWanted = options.TokenCache switch
        {
            TokenCacheMode.On => true,
            TokenCacheMode.Off => false,
            _ => source.Files.Sum(file => new FileInfo(file.Path).Length) >= WorthwhileBytes,
        };
        return isWanted ? new TokenCache(options.TokenCacheFolder ?? DefaultFolder(), options.OverwriteCache) : null;
    }

    /// <summary>The rows under a key; made by <paramref name="encode"/> when they are not there.</summary>
    public (StoredRows Rows, EncodedFacts Facts) GetOrAdd(string key, Func<Action<TrainingRow>, EncodedFacts> encode)
    {
        var entry = Path.Combine(_folder, key);
        if (!_overwrites && TryOpen(entry) is { } found) return found;
        AtomicFolder.Write(entry, folder =>
        {
            using var writer = new StoredRowsWriter(folder);
            var facts = encode(writer.Add);
            File.WriteAllText(Path.Combine(folder, FactsFile), JsonSerializer.Serialize(facts));
        });
        return TryOpen(entry) ?? throw new CheckpointException(
            $"The token cache in '{entry}' vanished while it was written. Is another program cleaning that folder? Name " +
            "another with --token_cache_dir.");
    }

    private static (StoredRows, EncodedFacts)? TryOpen(string entry)
    {
        var file = Path.Combine(entry, FactsFile);
        if (!File.Exists(file)) return null;
        try
        {
            var facts = JsonSerializer.Deserialize<EncodedFacts>(File.ReadAllText(file))!;
            return (new StoredRows(entry), facts);
        }
        catch (Exception fault) when (fault is JsonException or CheckpointException)
        {
            // What is damaged is made again.
            return null;
        }
    }

    /// <summary>Where caches of programs lie: XDG_CACHE_HOME, ~/.cache, or the local data of a Windows account.</summary>
    private static string DefaultFolder()
    {
        var home = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } named ? named
            : OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(home, "lorikeet", "tokens");
    }
}

/// <summary>What is known of encoded rows besides the rows.</summary>
/// <param name="Statistics">Them in numbers.</param>
/// <param name="Dropped">Indices of the rows of the data that nothing is learned from.</param>
internal sealed record EncodedFacts(DatasetStatistics Statistics, IReadOnlyList<int> Dropped);
