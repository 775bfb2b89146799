using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Formats;

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

    private static readonly JsonSerializerOptions s_format = new()
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(), // programs of one file turn reflection off elsewhere
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
    };

    private readonly string _folder;
    private readonly bool _overwrites;

    private TokenCache(string folder, bool overwrites) => (_folder, _overwrites) = (folder, overwrites);

    /// <summary>The cache for a source, or null when its rows are to be encoded into memory.</summary>
    public static TokenCache? For(DataOptions options, RowSource source)
    {
        var isWanted = options.TokenCache switch
        {
            _ when options.Preferences is not PreferenceUse.None => false, // entries hold ids and labels alone
            TokenCacheMode.On => true,
            TokenCacheMode.Off => false,
            _ => source.Files.Sum(file => new FileInfo(file.Path).Length) >= WorthwhileBytes,
        };
        return isWanted
            ? new TokenCache(
                options.TokenCacheFolder ?? Path.Combine(UserCache.Folder, "tokens"), options.OverwriteCache)
            : null;
    }

    /// <summary>The rows under a key; null when they are not there, damaged, or to be made anew.</summary>
    /// <param name="key">What the rows depend on.</param>
    /// <param name="vocabularySize">Rows of the model's embedding.</param>
    /// <param name="damage">What is wrong with the entry; null when nothing is.</param>
    public (IReadOnlyList<TrainingRow> Rows, EncodedFacts Facts)? Find(
        string key, int vocabularySize, out string? damage)
    {
        damage = null;
        var entry = Path.Combine(_folder, key);
        if (_overwrites || !Directory.Exists(entry))
            return null;
        try
        {
            return Open(entry, vocabularySize);
        }
        catch (CheckpointException fault)
        {
            damage = $"{fault.Message} It was made anew.";
            return null;
        }
    }

    /// <summary>Encodes rows into the cache.</summary>
    /// <param name="key">What the rows depend on.</param>
    /// <param name="vocabularySize">Rows of the model's embedding.</param>
    /// <param name="encode">Encodes the rows; it is given what writes one.</param>
    public (IReadOnlyList<TrainingRow> Rows, EncodedFacts Facts) Add(
        string key, int vocabularySize, Func<Action<TrainingRow>, EncodedFacts> encode)
    {
        var entry = Path.Combine(_folder, key);
        try
        {
            Write(entry, encode);
        }
        catch (StorageException) when (Directory.Exists(entry))
        {
            // Another run wrote the same meanwhile.
        }

        return Open(entry, vocabularySize);
    }

    private static void Write(string entry, Func<Action<TrainingRow>, EncodedFacts> encode) =>
        AtomicFolder.Write(entry, folder =>
        {
            using (var writer = new StoredRowsWriter(folder))
            {
                var facts = encode(writer.Add);
                File.WriteAllText(Path.Combine(folder, FactsFile), JsonSerializer.Serialize(facts, s_format));
            }

            ChecksumList.Write(folder);
        });

    private static (StoredRows, EncodedFacts) Open(string entry, int vocabularySize)
    {
        if (ChecksumList.Damage(
            entry, FactsFile, StoredRows.IdsFile, StoredRows.LabelsFile, StoredRows.EndsFile) is { } damage)
            throw new CheckpointException($"The token cache is damaged: {damage}.");
        try
        {
            var facts = JsonSerializer.Deserialize<EncodedFacts>(
                File.ReadAllText(Path.Combine(entry, FactsFile)), s_format)
                ?? throw new JsonException("it is null");
            return (new StoredRows(entry, vocabularySize), facts);
        }
        catch (JsonException fault)
        {
            throw new CheckpointException(
                $"The token cache is damaged: {FactsFile} in '{entry}' is no JSON: {fault.Message}", fault);
        }
    }
}

/// <summary>What is known of encoded rows besides the rows.</summary>
/// <param name="Statistics">Them in numbers.</param>
/// <param name="Dropped">Indices of the rows of the data that nothing is learned from.</param>
internal sealed record EncodedFacts(DatasetStatistics Statistics, IReadOnlyList<int> Dropped);
