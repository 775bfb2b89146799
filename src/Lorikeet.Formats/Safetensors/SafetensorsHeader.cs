using System.Buffers.Binary;
using System.Text.Json;

namespace Lorikeet.Formats.Safetensors;

/// <summary>The header of a file, checked as the reference library checks it.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The reference library's limit, against headers made to exhaust memory.</summary>
    public const long LengthLimit = 100_000_000;

    private const int PrefixLength = sizeof(ulong);
    private const string MetadataKey = "__metadata__";

    private readonly string _path;
    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string path) => _path = path;

    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>Where each tensor begins, from the start of the file.</summary>
    public IReadOnlyDictionary<string, long> Offsets => _offsets;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Bytes before the first tensor.</summary>
    public int Length { get; private set; }

    public static SafetensorsHeader Read(MappedFile file)
    {
        var header = new SafetensorsHeader(file.Path);
        if (file.Length < PrefixLength)
            throw header.CutShort($"it has {file.Length} bytes; the header length alone takes {PrefixLength}");

        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Span(0, PrefixLength));
        if (length > LengthLimit)
            throw header.Damaged($"its header would take {length} bytes; at most {LengthLimit} are allowed");
        if ((long)length > file.Length - PrefixLength)
            throw header.CutShort($"its header takes {length} bytes, but the file has only {file.Length}");

        var dataStart = PrefixLength + (long)length;
        header.Length = (int)dataStart;
        header.Parse(file.Span(PrefixLength, (long)length), dataStart);
        header.CheckLayout(dataStart, file.Length);
        return header;
    }

    // Read as a stream: a document of it would take more memory than the rule allows.
    private void Parse(ReadOnlySpan<byte> json, long dataStart)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            Expect(ref reader, JsonTokenType.StartObject);
            while (IsNextProperty(ref reader))
            {
                if (reader.ValueTextEquals(MetadataKey))
                    ReadMetadata(ref reader);
                else
                    ReadTensor(ref reader, dataStart);
            }

            if (json[(int)reader.BytesConsumed..].ContainsAnyExcept((byte)' '))
                throw Damaged("its header goes on after the closing brace");
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            throw Damaged($"its header is not the JSON object expected ({fault.Message})", fault);
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject);
        while (IsNextProperty(ref reader))
        {
            var name = reader.GetString()!;
            reader.Read();
            _metadata[name] = reader.GetString() ?? throw Damaged($"its metadata '{name}' is null");
        }
    }

    private void ReadTensor(ref Utf8JsonReader reader, long dataStart)
    {
        var name = reader.GetString()!;
        var (typeName, shape, offsets) = ReadClaims(ref reader);
        if (typeName is null || shape is null || offsets is not { Length: 2 })
            throw Damaged($"tensor '{name}' lacks one of 'dtype', 'shape' and 'data_offsets' [begin, end]");
        if (!SafetensorsTypes.TryParse(typeName, out var type))
        {
            throw new CheckpointException(
                $"Tensor '{name}' has the type '{typeName}'. Known types are " +
                $"{string.Join(", ", Enum.GetValues<SafetensorsType>().Select(t => t.WireName()))}. Where: '{_path}'.");
        }

        var (begin, end) = (offsets[0], offsets[1]);
        var expected = ByteCount(name, type, shape);
        if (begin < 0 || end < begin || end - begin != expected)
        {
            throw Damaged(
                $"tensor '{name}' lies at [{begin}, {end}), {end - begin} bytes, but {type.WireName()} " +
                $"[{string.Join(", ", shape)}] takes {expected}");
        }

        if (end > long.MaxValue - dataStart)
            throw Damaged($"tensor '{name}' would end at byte {end} after the header; no file is so long");
        if (_tensors.Count == ReadingLimits.Entries)
            throw Damaged($"it lists more than {ReadingLimits.Entries} tensors");
        if (!_tensors.TryAdd(name, new TensorEntry(name, type, shape, expected)))
            throw Damaged($"tensor '{name}' is listed twice");
        _offsets[name] = dataStart + begin;
    }

    private (string? Type, long[]? Shape, long[]? Offsets) ReadClaims(ref Utf8JsonReader reader)
    {
        (string? Type, long[]? Shape, long[]? Offsets) claims = default;
        Expect(ref reader, JsonTokenType.StartObject);
        while (IsNextProperty(ref reader))
        {
            if (reader.ValueTextEquals("dtype"))
            {
                reader.Read();
                claims.Type = reader.GetString();
            }
            else if (reader.ValueTextEquals("shape"))
            {
                claims.Shape = ReadIntegers(ref reader);
            }
            else if (reader.ValueTextEquals("data_offsets"))
            {
                claims.Offsets = ReadIntegers(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }

        return claims;
    }

    private long[] ReadIntegers(ref Utf8JsonReader reader)
    {
        var integers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            integers.Add(reader.GetInt64());
            if (integers.Count > ReadingLimits.Rank)
                throw Damaged($"a tensor has more than {ReadingLimits.Rank} dimensions");
        }

        return [.. integers];
    }

    private static bool IsNextProperty(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType expected)
    {
        if (!reader.Read() || reader.TokenType != expected)
            throw new FormatException($"{reader.TokenType} at byte {reader.TokenStartIndex} is no {expected}");
    }

    private long ByteCount(string name, SafetensorsType type, long[] shape)
    {
        try
        {
            return checked(shape.Aggregate(1L, (count, size) => size < 0 ? throw new OverflowException() : count * size)
                * type.ByteSize());
        }
        catch (OverflowException)
        {
            throw Damaged($"the shape [{string.Join(", ", shape)}] of tensor '{name}' is impossible");
        }
    }

    private void CheckLayout(long dataStart, long fileLength)
    {
        var next = dataStart;
        foreach (var entry in _tensors.Values.OrderBy(entry => _offsets[entry.Name]).ThenBy(entry => entry.ByteCount))
        {
            if (_offsets[entry.Name] != next)
            {
                throw Damaged(
                    $"tensor '{entry.Name}' begins at byte {_offsets[entry.Name]}; the one before it ends at {next}, " +
                    "and tensors may neither overlap nor leave holes");
            }

            next += entry.ByteCount;
        }

        var ends = $"its tensors end at byte {next}, but the file has {fileLength} bytes";
        if (next > fileLength)
            throw CutShort(ends);
        if (next < fileLength)
            throw Damaged(ends);
    }

    private CheckpointException Damaged(string what, Exception? inner = null) => new(
        $"'{_path}' is not a valid safetensors file: {what}. Fetch it again; if it comes like that, ask who wrote it.",
        inner);

    private CheckpointException CutShort(string what) => new(
        $"'{_path}' is not a valid safetensors file: {what}. " +
        "It was probably cut short while it was copied or downloaded; fetch it again.");
}
