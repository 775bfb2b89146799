using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Formats.Json;

/// <summary>
/// A value of a JSON text that knows where it stands, so that every error names file, key and value:
/// <c>JsonSetting.Read("config.json")["hidden_size"].AsIntBetween(1, 1 &lt;&lt; 20)</c>.
/// </summary>
/// <remarks>
/// Text is read strictly, but for what Python writes: a key that is there twice or half of a surrogate pair is refused,
/// <c>NaN</c> and <c>Infinity</c> are numbers. A number in quotes is a string and true is no number. What is missing or
/// <c>null</c> is an error where a value is asked for, and the default or null where that is asked for.
/// </remarks>
public readonly partial struct JsonSetting
{
    private static readonly JsonOrigin s_nowhere = new("");
    private readonly JsonElement _value;
    private readonly JsonOrigin? _origin;
    private readonly string? _path;

    private JsonSetting(JsonElement value, JsonOrigin origin, string path) =>
        (_value, _origin, _path) = (value, origin, path);

    /// <summary>The file, or what else the text is called; empty for a value of a file that is not there.</summary>
    public string File => Origin.Name;

    /// <summary>
    /// Keys and indices that lead here, such as <c>rope_scaling.factor</c>; empty for the whole text.
    /// </summary>
    public string Path => _path ?? "";

    /// <summary>Whether the value is absent or <c>null</c>.</summary>
    public bool IsMissing => _value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    /// <summary>Whether the value is absent; false for <c>null</c>.</summary>
    public bool IsAbsent => _value.ValueKind == JsonValueKind.Undefined;

    /// <summary>Whether the value is an object.</summary>
    public bool IsObject => _value.ValueKind == JsonValueKind.Object;

    /// <summary>Whether the value is an array.</summary>
    public bool IsArray => _value.ValueKind == JsonValueKind.Array;

    /// <summary>Whether the value is a string.</summary>
    public bool IsString => _value.ValueKind == JsonValueKind.String;

    /// <summary>Whether the value is a number.</summary>
    public bool IsNumber => _value.ValueKind == JsonValueKind.Number;

    /// <summary>Whether the value is <c>true</c> or <c>false</c>.</summary>
    public bool IsBool => _value.ValueKind is JsonValueKind.True or JsonValueKind.False;

    private JsonOrigin Origin => _origin ?? s_nowhere;

    /// <summary>A member of an object; missing when the object lacks it or this is no object.</summary>
    /// <param name="name">The member's key.</param>
    public JsonSetting this[string name] => new(
        IsObject && _value.TryGetProperty(name, out var value) ? value : default,
        Origin,
        Path == "" ? name : $"{Path}.{name}");

    /// <summary>A value that was parsed elsewhere.</summary>
    /// <param name="value">The value; its document must not be disposed.</param>
    /// <param name="file">What errors name as its place.</param>
    public static JsonSetting Of(JsonElement value, string file) => new(value, new JsonOrigin(file), "");

    /// <summary>A value that was made in memory.</summary>
    /// <param name="value">The value.</param>
    /// <param name="origin">What errors name as its place.</param>
    public static JsonSetting Of(JsonNode? value, JsonOrigin origin) => Parse(PythonJson.Line(value), origin);

    /// <summary>Reads a file of at most 256 MiB, UTF-8 with or without its byte order mark.</summary>
    /// <param name="file">Its path.</param>
    /// <exception cref="LorikeetException">It cannot be read, or is not JSON.</exception>
    public static JsonSetting Read(string file) => Read(new JsonOrigin(file));

    /// <summary>Reads the file that an origin names, of at most 256 MiB.</summary>
    /// <param name="file">Its path, and what errors about it say.</param>
    /// <exception cref="LorikeetException">It cannot be read, or is not JSON.</exception>
    public static JsonSetting Read(JsonOrigin file) => Parse(JsonBytes.ReadFile(file.Name, file), file);

    /// <summary>Reads a text in UTF-8.</summary>
    /// <param name="text">The text.</param>
    /// <param name="origin">What errors name as its place.</param>
    /// <exception cref="LorikeetException">It is not JSON.</exception>
    public static JsonSetting Parse(ReadOnlySpan<byte> text, JsonOrigin origin) =>
        new(JsonBytes.Parse(text, origin), origin, "");

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="origin">What errors name as its place.</param>
    /// <exception cref="LorikeetException">It is not JSON.</exception>
    public static JsonSetting Parse(string text, JsonOrigin origin) =>
        Parse(System.Text.Encoding.UTF8.GetBytes(text), origin);

    /// <summary>This value, which has to be an object.</summary>
    /// <exception cref="LorikeetException">It is none.</exception>
    public JsonSetting RequireObject() => IsObject ? this : throw Unexpected("an object");

    /// <summary>The items of an array, in order.</summary>
    /// <exception cref="LorikeetException">This is no array.</exception>
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

    /// <summary>The members of an object, in order.</summary>
    /// <exception cref="LorikeetException">This is no object.</exception>
    public IEnumerable<(string Name, JsonSetting Value)> Members()
    {
        if (!IsObject)
            throw Unexpected("an object");
        foreach (var member in _value.EnumerateObject())
            yield return (
                member.Name, new JsonSetting(member.Value, Origin, Path == "" ? member.Name : $"{Path}.{member.Name}"));
    }

    /// <summary>The members of an object, none where it is missing.</summary>
    public IEnumerable<(string Name, JsonSetting Value)> MembersOrNone() => IsMissing ? [] : Members();

    /// <summary>The object for writing it again; what is not changed keeps its text.</summary>
    /// <exception cref="LorikeetException">This is no object.</exception>
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

    /// <summary>The error to throw for a value that is not what it should be.</summary>
    /// <param name="expected">What it should be, as the end of a sentence: "Expected ...".</param>
    public LorikeetException Unexpected(string expected) => Origin.Fault(
        $"{(Path == "" ? "The text" : $"'{Path}'")} is {ToString()}. Expected {expected}");
}
