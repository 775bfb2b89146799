using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Formats.Json;

/// <summary>A value of a JSON text that knows where it stands, so that every complaint names file, key and value.</summary>
internal readonly partial struct JsonSetting
{
    private static readonly JsonOrigin s_nowhere = new("");
    private readonly JsonElement _value;
    private readonly JsonOrigin? _origin;
    private readonly string? _path;

    private JsonSetting(JsonElement value, JsonOrigin origin, string path) => (_value, _origin, _path) = (value, origin, path);

    /// <summary>The file, or what else the text is called; empty for a value of a file that is not there.</summary>
    public string File => Origin.Name;

    /// <summary>Keys and indices that lead here, such as <c>rope_scaling.factor</c>; empty for the whole text.</summary>
    public string Path => _path ?? "";

    /// <summary>Whether the value is absent or <c>null</c>.</summary>
    public bool IsMissing => _value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    /// <summary>Whether the value is absent; false for <c>null</c>.</summary>
    public bool IsAbsent => _value.ValueKind == JsonValueKind.Undefined;

    public bool IsObject => _value.ValueKind == JsonValueKind.Object;

    public bool IsArray => _value.ValueKind == JsonValueKind.Array;

    public bool IsString => _value.ValueKind == JsonValueKind.String;

    public bool IsNumber => _value.ValueKind == JsonValueKind.Number;

    public bool IsBool => _value.ValueKind is JsonValueKind.True or JsonValueKind.False;

    private JsonOrigin Origin => _origin ?? s_nowhere;

    /// <summary>A member of an object; missing when the object lacks it or this is no object.</summary>
    public JsonSetting this[string name] => new(
        IsObject && _value.TryGetProperty(name, out var value) ? value : default,
        Origin,
        Path == "" ? name : $"{Path}.{name}");

    /// <summary>A value that was made of another file's content.</summary>
    public static JsonSetting Of(JsonElement value, string file) => new(value, new JsonOrigin(file), "");

    /// <inheritdoc cref="Of(JsonElement, string)"/>
    public static JsonSetting Of(JsonNode? value, JsonOrigin origin) => Parse(PythonJson.Line(value), origin);

    /// <summary>Reads a file.</summary>
    /// <exception cref="LorikeetException">It cannot be read, or is not JSON.</exception>
    public static JsonSetting Read(string file) => Read(new JsonOrigin(file));

    /// <summary>Reads the file that an origin names.</summary>
    /// <exception cref="LorikeetException">It cannot be read, or is not JSON.</exception>
    public static JsonSetting Read(JsonOrigin file) => Parse(JsonBytes.ReadFile(file.Name, file), file);

    /// <summary>Reads a text in UTF-8.</summary>
    /// <exception cref="LorikeetException">It is not JSON.</exception>
    public static JsonSetting Parse(ReadOnlySpan<byte> text, JsonOrigin origin) =>
        new(JsonBytes.Parse(text, origin), origin, "");

    /// <summary>Reads a text.</summary>
    /// <exception cref="LorikeetException">It is not JSON.</exception>
    public static JsonSetting Parse(string text, JsonOrigin origin) =>
        Parse(System.Text.Encoding.UTF8.GetBytes(text), origin);

    /// <summary>This value, which has to be an object.</summary>
    public JsonSetting RequireObject() => IsObject ? this : throw Unexpected("an object");

    public IEnumerable<JsonSetting> Items()
    {
        if (!IsArray)
            throw Unexpected("an array");
        var index = 0;
        foreach (var item in _value.EnumerateArray())
            yield return new JsonSetting(item, Origin, $"{Path}[{index++}]");
    }

    /// <summary>The items of an array, the value itself where it stands alone, nothing where it is missing.</summary>
    public IEnumerable<JsonSetting> ItemsOrOne() => IsMissing ? [] : IsArray ? Items() : [this];

    public IEnumerable<(string Name, JsonSetting Value)> Members()
    {
        if (!IsObject)
            throw Unexpected("an object");
        foreach (var member in _value.EnumerateObject())
            yield return (member.Name, new JsonSetting(member.Value, Origin, Path == "" ? member.Name : $"{Path}.{member.Name}"));
    }

    /// <summary>The members of an object, none where it is missing.</summary>
    public IEnumerable<(string Name, JsonSetting Value)> MembersOrNone() => IsMissing ? [] : Members();

    /// <summary>The object for writing it again; what is not changed keeps its text.</summary>
    public JsonObject ToObject() => JsonObject.Create(RequireObject()._value)!;

    /// <summary>The value for writing it again.</summary>
    public JsonNode? ToNode() => _value.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.Object => JsonObject.Create(_value),
        JsonValueKind.Array => JsonArray.Create(_value),
        _ => JsonValue.Create(_value),
    };

    /// <summary>The value as JSON on a line, cut where it is long.</summary>
    public override string ToString()
    {
        if (IsAbsent)
            return "missing";
        var json = IsNumber ? PythonNumbers.Literal(_value.GetRawText()) : _value.GetRawText();
        json = string.Join(' ', json.Split((char[])['\n', '\r', '\t', ' '], StringSplitOptions.RemoveEmptyEntries));
        return json.Length <= 80 ? json : json[..77] + "...";
    }

    /// <summary>The complaint that this value is not what it should be.</summary>
    public LorikeetException Unexpected(string expected) => Origin.Fault(
        $"{(Path == "" ? "The text" : $"'{Path}'")} is {ToString()}. Expected {expected}");
}
