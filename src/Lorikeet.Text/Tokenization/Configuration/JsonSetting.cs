using System.Text.Json;

namespace Lorikeet.Text.Tokenization.Configuration;

/// <summary>A value of a JSON file that knows where it stands, so that every complaint names the place.</summary>
internal readonly struct JsonSetting
{
    public const int LargestVocabulary = 1 << 24;
    private readonly JsonElement _value;
    private readonly string? _path;

    private JsonSetting(JsonElement value, string file, string path)
    {
        _value = value;
        File = file;
        _path = path;
    }

    /// <summary>The file; empty for a value of a file that is not there.</summary>
    public string File => field ?? "";

    /// <summary>Whether the value is absent or <c>null</c>.</summary>
    public bool IsMissing => _value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    public bool IsObject => _value.ValueKind == JsonValueKind.Object;

    public bool IsArray => _value.ValueKind == JsonValueKind.Array;

    public bool IsString => _value.ValueKind == JsonValueKind.String;

    /// <summary>A member of an object; missing when the object lacks it.</summary>
    public JsonSetting this[string name] => new(
        IsObject && _value.TryGetProperty(name, out var value) ? value : default,
        File,
        string.IsNullOrEmpty(_path) ? name : $"{_path}.{name}");

    /// <summary>A value that was made of another file's content.</summary>
    public static JsonSetting Of(JsonElement value, string file) => new(value, file, "");

    /// <exception cref="CheckpointException">The file is not JSON.</exception>
    public static JsonSetting Read(string file)
    {
        try
        {
            using var document = JsonDocument.Parse(System.IO.File.ReadAllBytes(file));
            return new JsonSetting(document.RootElement.Clone(), file, "");
        }
        catch (JsonException error)
        {
            throw new CheckpointException(
                $"The file is not valid JSON ({error.Message}). Expected a tokenizer's file. '{file}'. "
                + "It may be an interrupted download or a Git LFS pointer; fetch it again.",
                error);
        }
    }

    public IEnumerable<JsonSetting> Items()
    {
        if (!IsArray)
            throw Unexpected("an array");
        var index = 0;
        foreach (var item in _value.EnumerateArray())
            yield return new JsonSetting(item, File, $"{_path}[{index++}]");
    }

    public IEnumerable<(string Name, JsonSetting Value)> Members()
    {
        if (!IsObject)
            throw Unexpected("an object");
        foreach (var member in _value.EnumerateObject())
            yield return (member.Name, new JsonSetting(member.Value, File, $"{_path}.{member.Name}"));
    }

    public string AsString() => IsString ? _value.GetString()! : throw Unexpected("a string");

    public string? AsStringOrNull() => IsMissing ? null : AsString();

    public string AsString(string otherwise) => IsMissing ? otherwise : AsString();

    public bool AsBool(bool otherwise) => AsBoolOrNull() ?? otherwise;

    public bool? AsBoolOrNull() => _value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        _ => throw Unexpected("true or false"),
    };

    public int AsInt() =>
        _value.ValueKind == JsonValueKind.Number && _value.TryGetInt32(out var number)
            ? number
            : throw Unexpected("a whole number");

    public int AsInt(int otherwise) => IsMissing ? otherwise : AsInt();

    /// <summary>A token id; an impossible one would reserve memory for every id below it.</summary>
    public int AsTokenId() =>
        AsInt() is >= 0 and < LargestVocabulary and var id
            ? id
            : throw Unexpected($"a number below {LargestVocabulary}");

    public double AsDouble() =>
        _value.ValueKind == JsonValueKind.Number ? _value.GetDouble() : throw Unexpected("a number");

    public char AsChar(char otherwise) => IsMissing ? otherwise : AsChar();

    public char AsChar() => AsString() is { Length: 1 } text ? text[0] : throw Unexpected("a single character");

    /// <summary>The complaint that this value is not what it should be.</summary>
    public CheckpointException Unexpected(string expected)
    {
        var actual = IsMissing ? "is missing" : $"is {Shorten(_value.GetRawText())}";
        return new CheckpointException(
            $"'{_path}' {actual}. Expected {expected}. '{File}'. "
            + "The file may be damaged or newer than this version of Lorikeet understands.");
    }

    private static string Shorten(string json) => json.Length <= 80 ? json : json[..77] + "...";
}
