using System.Text.Json;
using Lorikeet.Models.Grammars.Expressions;

namespace Lorikeet.Models.Grammars.Schemas;

/// <summary>
/// Writes a JSON schema as a network of bytes. Properties stand in the order of the schema; between values there is
/// nothing, a space, or a line break with up to 20 spaces or tabs.
/// </summary>
/// <remarks>
/// An object that lists its properties has no others unless <c>additionalProperties</c> lets them, and a list with
/// <c>prefixItems</c> none unless <c>items</c> does: what a model may invent, it will.
/// </remarks>
internal sealed class SchemaCompiler
{
    private const string Source = "The JSON schema";
    private const int MostIndentation = 20;

    private readonly SchemaDocument _document;
    private readonly NetworkBuilder _network = new(Source);
    private readonly TextRules _strings;
    private readonly TextRules _numbers;
    private readonly Dictionary<string, int> _values = [];
    private readonly Queue<(int Rule, Subschema Schema)> _open = new();
    private readonly Dictionary<string, (int Rule, CharacterDfa Texts)> _texts = [];
    private readonly int _space;

    private SchemaCompiler(SchemaDocument document)
    {
        _document = document;
        _strings = new TextRules(_network, isJson: true);
        _numbers = new TextRules(_network, isJson: false);
        _space = AddSpace();
    }

    /// <summary>The network of the JSON texts that satisfy a schema.</summary>
    /// <exception cref="ConfigurationException">The schema is wrong, not supported, or too large.</exception>
    public static Network Compile(string schema)
    {
        var document = SchemaDocument.Parse(schema);
        return new SchemaCompiler(document).Run();
    }

    private Network Run()
    {
        var root = ValueRule(_document.Root);
        while (_open.TryDequeue(out var next))
        {
            var (start, end) = (_network.RuleAt(next.Rule).Start, _network.RuleAt(next.Rule).End);
            foreach (var shape in _document.Shapes(next.Schema))
                AddValue(start, shape, end);
        }

        return _network.Build(root);
    }

    /// <summary>The rule that reads the values of a schema; its states are added later.</summary>
    private int ValueRule(Subschema schema)
    {
        if (_values.TryGetValue(schema.Key, out var known))
            return known;
        _values[schema.Key] = known = _network.AddRule(nests: true);
        _open.Enqueue((known, schema));
        return known;
    }

    private void AddValue(int from, SchemaShape shape, int to)
    {
        var types = shape.Written;
        if (shape.Values is not null)
        {
            _network.ReadAny(from, shape.Values.Where(value => Allows(shape, value)).Select(JsonText), to);
            return;
        }

        if (types.HasFlag(JsonTypes.Null))
            _network.Skip(_network.Read(from, "null"u8), to);
        if (types.HasFlag(JsonTypes.Boolean))
            _network.ReadAny(from, ["true"u8.ToArray(), "false"u8.ToArray()], to);
        if ((types & (JsonTypes.Integer | JsonTypes.Fraction)) != JsonTypes.None)
            _network.Call(from, NumberTexts(shape.Number, types).Rule, to);
        if (types.HasFlag(JsonTypes.String))
            _network.Call(from, StringTexts(shape.String).Rule, to);
        if (types.HasFlag(JsonTypes.Array))
            AddArray(from, shape, to);
        if (types.HasFlag(JsonTypes.Object))
            AddObject(from, shape, to);
    }

    private void AddArray(int from, SchemaShape shape, int to)
    {
        var fixedCount = Math.Max(shape.PrefixItems.Count, shape.MinItems);
        var isOpen = shape.Items is not null || shape.PrefixItems.Count == 0;
        var most = SchemaShape.Smaller(shape.MaxItems, isOpen ? null : fixedCount);
        var close = _network.AddState();
        _network.Read(_network.Call(close, _space), (byte)']', (byte)']', to);

        var before = _network.Read(from, "["u8);
        if (shape.MinItems == 0)
            _network.Read(before, (byte)']', (byte)']', to);
        for (var count = 0; most is null || count < most; count++)
        {
            var item = _network.Call(count == 0 ? before : _network.Read(before, ","u8), _space);
            var after = _network.Call(item, ValueRule(shape.ItemAt(count)));
            if (count + 1 >= shape.MinItems)
                _network.Skip(after, close);
            if (most is null && count >= fixedCount)
            {
                // From here on, all items are alike.
                _network.Call(_network.Read(after, ","u8), _space, item);
                return;
            }

            before = after;
        }
    }

    /// <summary>
    /// Each property may follow any earlier one when those between may be left out; a comma stands before all but the
    /// first that is written.
    /// </summary>
    private void AddObject(int from, SchemaShape shape, int to)
    {
        var none = _network.Read(from, "{"u8); // nothing is written yet
        var some = _network.AddState();
        var properties = shape.Properties
            .Concat(shape.Required.Except(shape.Properties.Keys)
                .Select(name => KeyValuePair.Create(name, shape.Additional ?? Subschema.Any)));
        var mayBeEmpty = true;
        foreach (var (name, schema) in properties)
        {
            var start = _network.AddState();
            if (mayBeEmpty)
                _network.Skip(none, start);
            _network.Skip(_network.Read(some, ","u8), start);
            var after = AddProperty(start, name, schema);
            if (shape.Required.Contains(name))
                mayBeEmpty = false;
            else
                _network.Skip(some, after);
            some = after;
        }

        AddOthers(shape, none, some, mayBeEmpty);
        if (mayBeEmpty)
            _network.Read(none, (byte)'}', (byte)'}', to);
        _network.Read(_network.Call(some, _space), (byte)'}', (byte)'}', to);
    }

    private int AddProperty(int from, string name, Subschema schema)
    {
        var named = _network.Read(_network.Call(from, _space), JsonStringRules.Quote(name));
        return AddPropertyValue(named, schema);
    }

    private int AddPropertyValue(int named, Subschema schema) =>
        _network.Call(_network.Call(_network.Read(named, ":"u8), _space), ValueRule(schema));

    /// <summary>Adds properties that the schema does not list, as often as one likes.</summary>
    private void AddOthers(SchemaShape shape, int none, int some, bool mayBeEmpty)
    {
        var isOpen = shape.Additional is not null || (shape.Properties.Count == 0 && shape.Required.Count == 0);
        if (!isOpen)
            return;
        var start = _network.AddState();
        if (mayBeEmpty)
            _network.Skip(none, start);
        _network.Skip(_network.Read(some, ","u8), start);
        var quoted = _network.Read(_network.Call(start, _space), "\""u8);
        var named = _network.AddState();
        _strings.Read(quoted, OtherNames([.. shape.Properties.Keys.Union(shape.Required)]), named);
        var after = AddPropertyValue(_network.Read(named, "\""u8), shape.Additional ?? Subschema.Any);
        _network.Skip(after, some);
    }

    private static CharacterDfa OtherNames(string[] names)
    {
        var any = CharacterDfa.OfLength(0, null, Source);
        if (names.Length == 0)
            return any;
        return any.Except(CharacterDfa.Of(Expression.Any([.. names.Select(Expression.Literal)]), Source), Source);
    }

    private (int Rule, CharacterDfa Texts) StringTexts(StringShape shape) => Texts(shape.Key, () =>
    {
        var texts = CharacterDfa.OfLength(shape.MinLength, shape.MaxLength, Source);
        foreach (var pattern in shape.Patterns)
        {
            var source = $"The pattern '{pattern}' of the JSON schema";
            texts = texts.Intersect(CharacterDfa.Of(ExpressionParser.Parse(pattern), source, searches: true), source);
        }

        foreach (var format in shape.Formats.Select(StringFormats.Find).OfType<string>())
            texts = texts.Intersect(CharacterDfa.Of(ExpressionParser.Parse(format), Source), Source);
        return texts;
    }, _strings, "\"");

    private (int Rule, CharacterDfa Texts) NumberTexts(NumberShape shape, JsonTypes types)
    {
        var isInteger = !types.HasFlag(JsonTypes.Fraction);
        return Texts($"{shape} {isInteger}", () => JsonNumbers.Texts(shape, isInteger, Source), _numbers, "");
    }

    /// <summary>The rule that reads certain texts between marks, made once.</summary>
    private (int Rule, CharacterDfa Texts) Texts(string key, Func<CharacterDfa> create, TextRules rules, string mark)
    {
        if (_texts.TryGetValue(key, out var known))
            return known;
        var (rule, texts) = (_network.AddRule(), create());
        var end = _network.AddState();
        rules.Read(_network.Read(_network.RuleAt(rule).Start, System.Text.Encoding.ASCII.GetBytes(mark)), texts, end);
        _network.Skip(_network.Read(end, System.Text.Encoding.ASCII.GetBytes(mark)), _network.RuleAt(rule).End);
        return _texts[key] = (rule, texts);
    }

    private int AddSpace()
    {
        var rule = _network.AddRule();
        var (start, end) = (_network.RuleAt(rule).Start, _network.RuleAt(rule).End);
        _network.Skip(start, end);
        _network.Read(start, (byte)' ', (byte)' ', end);
        var state = _network.Read(start, "\n"u8);
        for (var i = 0; i < MostIndentation; i++)
        {
            var next = _network.AddState();
            _network.Skip(state, end);
            _network.Read(state, (byte)' ', (byte)' ', next);
            _network.Read(state, (byte)'\t', (byte)'\t', next);
            state = next;
        }

        _network.Skip(state, end);
        return rule;
    }

    /// <summary>
    /// Whether a value of <c>enum</c> satisfies the keywords beside it; of lists and objects, the type.
    /// </summary>
    private bool Allows(SchemaShape shape, JsonElement value)
    {
        var types = shape.Types ?? JsonTypes.All;
        return value.ValueKind switch
        {
            JsonValueKind.String => types.HasFlag(JsonTypes.String)
                && StringTexts(shape.String).Texts.Contains(value.GetString()!),
            JsonValueKind.Number => AllowsNumber(shape.Number, types, value),
            JsonValueKind.Object => types.HasFlag(JsonTypes.Object),
            JsonValueKind.Array => types.HasFlag(JsonTypes.Array),
            JsonValueKind.Null => types.HasFlag(JsonTypes.Null),
            _ => types.HasFlag(JsonTypes.Boolean),
        };
    }

    private bool AllowsNumber(NumberShape shape, JsonTypes types, JsonElement value)
    {
        if (!types.HasFlag(JsonTypes.Fraction) && (!types.HasFlag(JsonTypes.Integer) || !value.TryGetInt64(out _)))
            return false;
        return shape == new NumberShape() || NumberTexts(shape, types).Texts.Contains(value.GetRawText());
    }

    /// <summary>A value as it is written: without spaces, each character as itself where JSON lets it.</summary>
    private static byte[] JsonText(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => JsonStringRules.Quote(value.GetString()!),
        JsonValueKind.Array => [.. "["u8, .. Joined(value.EnumerateArray().Select(JsonText)), .. "]"u8],
        JsonValueKind.Object =>
        [
            .. "{"u8,
            .. Joined(value.EnumerateObject().Select(member =>
                (byte[])[.. JsonStringRules.Quote(member.Name), .. ":"u8, .. JsonText(member.Value)])),
            .. "}"u8,
        ],
        _ => System.Text.Encoding.UTF8.GetBytes(value.GetRawText()),
    };

    private static IEnumerable<byte> Joined(IEnumerable<byte[]> texts) =>
        texts.SelectMany((text, i) => i == 0 ? text : [(byte)',', .. text]);
}
