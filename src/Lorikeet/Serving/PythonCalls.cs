using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Formats.Json;

namespace Lorikeet.Serving;

/// <summary>
/// Calls written as a list in Python, <c>[weather(city="Huế", days=3)]</c>, as Llama 3.2 and 4 are taught to: names of
/// tools, arguments by keyword, and literals.
/// </summary>
/// <param name="tools">Names that may be called.</param>
internal sealed class PythonCalls(IReadOnlySet<string> tools)
{
    // As in JSON that is read.
    private const int Depth = 64;

    /// <summary>The calls that a text begins with.</summary>
    /// <param name="text">It begins with an opening bracket.</param>
    /// <returns>
    /// How long they are, and the calls; null for no such calls, a length of 0 while that is not certain.
    /// </returns>
    public (int Length, IReadOnlyList<ToolCall> Calls)? Read(ReadOnlySpan<char> text)
    {
        var reader = new Reader(text);
        var calls = new List<ToolCall>();
        var isRead = reader.TryTake('[');
        do
        {
            isRead = isRead && reader.Name() is { } name && IsTool(name, reader.IsAtEnd) && reader.TryTake('(')
                && Arguments(ref reader) is { } arguments && Add(name, arguments);
        }
        while (isRead && reader.TryTake(','));
        isRead = isRead && reader.TryTake(']');
        return isRead ? (reader.Place, calls) : reader.IsAtEnd ? (0, []) : null;

        bool Add(string name, JsonObject arguments)
        {
            calls.Add(ToolCallJson.Call(name, arguments.ToJsonString(JsonFormats.Line)));
            return true;
        }
    }

    /// <summary>Whether a name is, or may become, one of the tools'.</summary>
    private bool IsTool(string name, bool mayGoOn) => tools.Contains(name)
        || (mayGoOn && tools.Any(tool => tool.StartsWith(name, StringComparison.Ordinal)));

    private static JsonObject? Arguments(ref Reader reader)
    {
        var arguments = new JsonObject();
        if (reader.TryTake(')'))
            return arguments;
        do
        {
            if (reader.TryTake(')'))
                return arguments;
            if (reader.Name() is not { Length: > 0 } key || !reader.TryTake('=')
                || !Value(ref reader, 0, out var value))
                return null;
            arguments[key] = value;
        }
        while (reader.TryTake(','));
        return reader.TryTake(')') ? arguments : null;
    }

    private static bool Value(ref Reader reader, int depth, out JsonNode? value)
    {
        value = null;
        if (depth > Depth)
            return false;
        switch (reader.Peek())
        {
            case '\'' or '"':
                return reader.Text(out var text) && (value = text) is not null;
            case '[':
                return List(ref reader, depth, out value);
            case '{':
                return Dictionary(ref reader, depth, out value);
            default:
                return Word(reader.Word(), out value);
        }
    }

    private static bool List(ref Reader reader, int depth, out JsonNode? value)
    {
        var list = new JsonArray();
        value = list;
        reader.TryTake('[');
        do
        {
            if (reader.TryTake(']'))
                return true;
            if (!Value(ref reader, depth + 1, out var item))
                return false;
            list.Add(item);
        }
        while (reader.TryTake(','));
        return reader.TryTake(']');
    }

    private static bool Dictionary(ref Reader reader, int depth, out JsonNode? value)
    {
        var pairs = new JsonObject();
        value = pairs;
        reader.TryTake('{');
        do
        {
            if (reader.TryTake('}'))
                return true;
            if (!reader.Text(out var key) || !reader.TryTake(':') || !Value(ref reader, depth + 1, out var item))
                return false;
            pairs[key!] = item;
        }
        while (reader.TryTake(','));
        return reader.TryTake('}');
    }

    private static bool Word(string word, out JsonNode? value)
    {
        value = word switch
        {
            "True" or "true" => true,
            "False" or "false" => false,
            _ when long.TryParse(
                word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
            _ when double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                && double.IsFinite(number) => number,
            _ => null,
        };
        return value is not null || word is "None" or "null";
    }

    /// <summary>Goes through a text; blanks before what is taken do not count.</summary>
    private ref struct Reader(ReadOnlySpan<char> text)
    {
        private readonly ReadOnlySpan<char> _text = text;

        public int Place { get; private set; }

        /// <summary>Whether more was looked for than there is.</summary>
        public bool IsAtEnd { get; private set; }

        public char Peek()
        {
            while (Place < _text.Length && char.IsWhiteSpace(_text[Place]))
                Place++;
            IsAtEnd |= Place == _text.Length;
            return IsAtEnd ? '\0' : _text[Place];
        }

        public bool TryTake(char sign)
        {
            if (Peek() != sign)
                return false;
            Place++;
            return true;
        }

        /// <summary>A name, such as that of a tool, which may have points and dashes; null for none.</summary>
        public string? Name() => Peek() is var first && (char.IsLetter(first) || first == '_') ? Word()
            : IsAtEnd ? "" : null;

        /// <summary>A number or a word.</summary>
        public string Word()
        {
            Peek();
            var start = Place;
            while (Place < _text.Length
                && (char.IsLetterOrDigit(_text[Place]) || _text[Place] is '_' or '.' or '-' or '+'))
                Place++;
            IsAtEnd |= Place == _text.Length;
            return _text[start..Place].ToString();
        }

        /// <summary>A text between quotes of either kind.</summary>
        public bool Text(out string? value)
        {
            value = null;
            var quote = Peek();
            if (quote is not ('\'' or '"'))
                return false;
            var text = new StringBuilder();
            for (Place++; Place < _text.Length; Place++)
            {
                var letter = _text[Place];
                if (letter == quote)
                {
                    Place++;
                    value = Whole(text.ToString());
                    return true;
                }

                if (letter == '\\' && Place + 1 < _text.Length)
                    text.Append(Escaped());
                else
                    text.Append(letter);
            }

            IsAtEnd = true;
            return false;
        }

        /// <summary>The text with a sign for each half of a character.</summary>
        private static string Whole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

        private string Escaped()
        {
            var letter = _text[++Place];
            if (letter == 'u' && Place + 4 < _text.Length
                && ushort.TryParse(_text.Slice(Place + 1, 4), NumberStyles.AllowHexSpecifier, null, out var code))
            {
                Place += 4;
                return ((char)code).ToString();
            }

            return letter switch
            {
                'n' => "\n",
                't' => "\t",
                'r' => "\r",
                '\\' or '\'' or '"' => letter.ToString(),
                _ => "\\" + letter, // as Python keeps what it does not know
            };
        }
    }
}
