using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Formats.Pickle;

/// <summary>
/// What <c>torch.save</c> wrote, in its zip layout (since 1.6) or the older one of pickles one after another: the root
/// object, with every storage located in the file.
/// </summary>
internal sealed class TorchArchive
{
    private static readonly BigInteger LegacyMagic = BigInteger.Parse(
        "119547037146038801333356", CultureInfo.InvariantCulture);

    private readonly MappedFile _file;
    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);
    private readonly HashSet<PickleGlobal> _unknownGlobals = [];

    private TorchArchive(MappedFile file)
    {
        _file = file;
        Budget = new ByteBudget(file.Length);
    }

    /// <summary>What is left of the memory that reading the file may take.</summary>
    public ByteBudget Budget { get; }

    public object? Root { get; private set; }

    /// <summary>Names of code that the file refers to and that plain weights do not need.</summary>
    public IReadOnlyCollection<PickleGlobal> UnknownGlobals => _unknownGlobals;

    /// <exception cref="FormatException">The file is no PyTorch file, or damaged.</exception>
    public static TorchArchive Read(MappedFile file)
    {
        var archive = new TorchArchive(file);
        if (ZipDirectory.IsZip(file))
            archive.ReadZip();
        else
            archive.ReadLegacy();
        return archive;
    }

    private void ReadZip()
    {
        var entries = ZipDirectory.Read(_file).Entries;
        var pickleName = entries.Keys.FirstOrDefault(name => name.EndsWith("/data.pkl", StringComparison.Ordinal))
            ?? throw new FormatException("there is no data.pkl in the zip");
        var prefix = pickleName[..^"data.pkl".Length];
        if (entries.TryGetValue(prefix + "byteorder", out var order)
            && !_file.Span(order.Offset, order.Length).SequenceEqual("little"u8))
        {
            throw new FormatException("its numbers are big-endian; only little-endian files are supported");
        }

        var pickle = entries[pickleName];
        Root = ReadPickle(pickle.Offset, pickle.Length, out _);
        foreach (var storage in _storages.Values)
        {
            if (!entries.TryGetValue($"{prefix}data/{storage.Key}", out var data) || data.Length < storage.ByteCount)
                throw new FormatException(
                    $"storage '{storage.Key}' of {storage.ByteCount} bytes is missing or cut short");
            storage.FileOffset = data.Offset;
        }
    }

    private void ReadLegacy()
    {
        var offset = 0L;
        if (Next(ref offset) is not BigInteger magic || magic != LegacyMagic || Next(ref offset) is not 1001L)
            throw new FormatException("it begins neither as a zip nor as PyTorch's older format");
        if (Next(ref offset) is PickleDictionary system && system["little_endian"] is false)
            throw new FormatException("its numbers are big-endian; only little-endian files are supported");
        Root = Next(ref offset);
        if (Next(ref offset) is not List<object?> keys)
            throw new FormatException("the list of its storages is missing");

        foreach (var key in keys)
        {
            if (key is not string name || !_storages.TryGetValue(name, out var storage))
                throw new FormatException($"it lists a storage '{key}' that no tensor uses");
            var elementCount = BinaryPrimitives.ReadInt64LittleEndian(_file.Span(offset, sizeof(long)));
            storage.FileOffset = offset + sizeof(long);
            if (elementCount * (storage.Type?.ByteSize() ?? 1) != storage.ByteCount
                || storage.ByteCount > _file.Length - storage.FileOffset)
            {
                throw new FormatException($"storage '{name}' of {storage.ByteCount} bytes is cut short");
            }

            offset = storage.FileOffset + storage.ByteCount;
        }

        if (_storages.Values.FirstOrDefault(storage => storage.FileOffset < 0) is { } lost)
            throw new FormatException($"storage '{lost.Key}' is missing");
    }

    private object? Next(ref long offset)
    {
        var value = ReadPickle(offset, Math.Min(_file.Length - offset, int.MaxValue), out var length);
        offset += length;
        return value;
    }

    private object? ReadPickle(long offset, long length, out int consumed)
    {
        var reader = new PickleReader(_file.Span(offset, length), LoadStorage, _unknownGlobals, Budget);
        var value = reader.Read();
        consumed = reader.Position;
        return value;
    }

    private TorchStorage LoadStorage(object? persistentId)
    {
        var storage = TorchGlobals.Storage(persistentId);
        if (_storages.TryGetValue(storage.Key, out var known))
            return known.ByteCount == storage.ByteCount && known.Type == storage.Type
                ? known
                : throw new FormatException($"storage '{storage.Key}' is described in two ways");
        _storages.Add(storage.Key, storage);
        return storage;
    }
}
