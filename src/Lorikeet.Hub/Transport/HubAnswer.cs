using System.Text.Json;
using System.Text.Unicode;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;

namespace Lorikeet.Hub.Transport;

/// <summary>
/// A value of the JSON that a server answered with. What is missing or of another kind is an error that says where:
/// the server may be a portal, a proxy or another program.
/// </summary>
internal sealed class HubAnswer
{
    private const int LongestShown = 100;

    private readonly JsonElement _value;
    private readonly string _place;
    private readonly Func<string, LorikeetException> _unexpected;

    private HubAnswer(JsonElement value, string place, Func<string, LorikeetException> unexpected)
    {
        _value = value;
        _place = place;
        _unexpected = unexpected;
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="body">Its bytes.</param>
    /// <param name="unexpected">Makes the error of what is wrong with it.</param>
    public static HubAnswer Parse(ReadOnlyMemory<byte> body, Func<string, LorikeetException> unexpected)
    {
        if (!Utf8.IsValid(body.Span) || !JsonSyntax.HasWholeCharacters(body.Span))
            throw unexpected("it holds half a character, or bytes that are none, where text was expected");
        try
        {
            using var json = JsonDocument.Parse(body);
            return new HubAnswer(json.RootElement.Clone(), "", unexpected);
        }
        catch (JsonException)
        {
            var text = System.Text.Encoding.UTF8.GetString(body.Span[..Math.Min(body.Length, LongestShown)]);
            throw unexpected(text.Length == 0
                ? "it is empty"
                : $"it is not JSON but begins '{VisibleText.InOneLine(text, LongestShown)}'");
        }
    }

    /// <summary>A property that must be there.</summary>
    public HubAnswer this[string name] => Find(name) ?? throw _unexpected($"it has no '{PlaceOf(name)}'");

    /// <summary>The value as text.</summary>
    public string Text
    {
        get
        {
            try
            {
                if (_value.ValueKind == JsonValueKind.String)
                    return _value.GetString()!;
            }
            catch (InvalidOperationException)
            {
                // Half of a surrogate pair.
            }
            throw Wrong("text");
        }
    }

    /// <summary>The value as a whole number that is not negative.</summary>
    public long Size => _value.ValueKind == JsonValueKind.Number && _value.TryGetInt64(out var number) && number >= 0
        ? number
        : throw Wrong("a size");

    /// <summary>The value as true or false.</summary>
    public bool Flag => _value.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? _value.GetBoolean()
        : throw Wrong("true or false");

    /// <summary>The items of a list.</summary>
    public IEnumerable<HubAnswer> Items => _value.ValueKind == JsonValueKind.Array
        ? _value.EnumerateArray().Select((item, index) => new HubAnswer(item, $"{_place}[{index}]", _unexpected))
        : throw Wrong("a list");

    /// <summary>The properties of an object.</summary>
    public IEnumerable<(string Name, HubAnswer Value)> Properties => _value.ValueKind == JsonValueKind.Object
        ? _value.EnumerateObject().Select(property =>
            (property.Name, new HubAnswer(property.Value, PlaceOf(property.Name), _unexpected)))
        : throw Wrong("an object");

    /// <summary>A property; null when it is missing or null.</summary>
    public HubAnswer? Find(string name)
    {
        if (_value.ValueKind != JsonValueKind.Object)
            throw Wrong("an object");
        return _value.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? new HubAnswer(value, PlaceOf(name), _unexpected)
            : null;
    }

    /// <summary>The error for a value that is of the right kind and still makes no sense.</summary>
    public LorikeetException Wrong(string expected)
    {
        var text = VisibleText.InOneLine(_value.GetRawText(), LongestShown);
        return _unexpected($"{(_place.Length == 0 ? "it" : $"'{_place}'")} is {text} where {expected} was expected");
    }

    private string PlaceOf(string name) => _place.Length == 0 ? name : $"{_place}.{name}";
}
