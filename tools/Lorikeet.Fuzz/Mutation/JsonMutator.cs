using System.Text;
using System.Text.Json;

namespace Lorikeet.Fuzz.Mutation;

/// <summary>Changes JSON by its values and keys; every third time by its bytes. Lines are changed one by one.</summary>
internal sealed class JsonMutator(IReadOnlyList<string> words, bool isLines = false) : Mutator(words)
{
    private static readonly string[] Values =
    [
        "null", "true", "false", "\"\"", "\"a\"", "[]", "{}", "[[]]", "[null]", "{\"a\":null}", "\"\\ud800\"",
        "\"\\u0000\"", "\"\\u202e\\u001b[31m\"", "{\"a\":1,\"a\":2}", "-1", "[1,\"a\",null]", "\"../../x\"", "\"é\"",
        "\"😀\"",
    ];

    protected override byte[] Change(Random random, byte[] input, IReadOnlyList<byte[]> seeds)
    {
        if (random.Next(3) == 0)
            return ChangeBytes(random, input, seeds);
        if (!isLines)
            return ChangeValue(random, input) ?? ChangeBytes(random, input, seeds);
        var lines = Encoding.UTF8.GetString(input).Split('\n');
        var line = random.Next(lines.Length);
        if (ChangeValue(random, Encoding.UTF8.GetBytes(lines[line])) is not { } changed)
            return ChangeBytes(random, input, seeds);
        lines[line] = Encoding.UTF8.GetString(changed);
        return Encoding.UTF8.GetBytes(string.Join('\n', lines));
    }

    // Works on the text, so that what no document can hold (a key twice, half a character) can be written too.
    private byte[]? ChangeValue(Random random, byte[] json)
    {
        var places = Places(json);
        if (places.Count == 0)
            return null;
        var (begin, end, isKey) = places[random.Next(places.Count)];
        if (isKey)
        {
            var key = random.Next(3) == 0 ? "\"\\ud800\"" : places.Where(place => place.IsKey).Select(place =>
                Encoding.UTF8.GetString(json[place.Begin..place.End]))
                .ElementAt(random.Next(places.Count(place => place.IsKey)));
            return Replace(json, begin, end - begin, Encoding.UTF8.GetBytes(key));
        }

        return Replace(json, begin, end - begin, Encoding.UTF8.GetBytes(Value(random, json, places)));
    }

    private string Value(Random random, byte[] json, List<(int Begin, int End, bool IsKey)> places)
    {
        switch (random.Next(6))
        {
            case 0:
                return Number(random);
            case 1 when Words.Count > 0:
                return JsonSerializer.Serialize(Words[random.Next(Words.Count)]);
            case 2:
                var other = places[random.Next(places.Count)];
                return Encoding.UTF8.GetString(json[other.Begin..other.End]);
            case 3:
                var depth = 1 + random.Next(random.Next(10) == 0 ? 20_000 : 80);
                return new string('[', depth) + "1" + new string(']', depth);
            default:
                return Values[random.Next(Values.Length)];
        }
    }

    private static List<(int Begin, int End, bool IsKey)> Places(byte[] json)
    {
        var places = new List<(int, int, bool)>();
        var open = new Stack<int>();
        try
        {
            var reader = new Utf8JsonReader(json);
            while (reader.Read())
            {
                var begin = (int)reader.TokenStartIndex;
                if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject)
                    open.Push(begin);
                else if (reader.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
                    places.Add((open.Pop(), (int)reader.BytesConsumed, false));
                else if (reader.TokenType == JsonTokenType.PropertyName)
                    places.Add((begin, begin + reader.ValueSpan.Length + 2, true));
                else
                    places.Add((begin, (int)reader.BytesConsumed, false));
            }
        }
        catch (JsonException)
        {
            // What was read before the fault can still be changed.
        }

        return places;
    }
}
