using System.Text.RegularExpressions;
using Lorikeet.Data;

namespace Lorikeet.Serving;

/// <summary>
/// Finds calls of tools in an answer as it comes. Text goes through as soon as it is certain that no call begins with
/// it.
/// </summary>
/// <remarks>
/// Read are what the templates of the common families teach: <c>&lt;tool_call>{...}&lt;/tool_call></c> (Hermes, Qwen;
/// a list in Granite), the same around <c>&lt;function=name>&lt;parameter=key>...</c> (Qwen3-Coder),
/// <c>[TOOL_CALLS]</c> before a list or <c>name[ARGS]{...}</c> (Mistral), a list after <c>&lt;|tool_call|></c>
/// (Granite, Phi-4-mini) or <c>functools</c> (Phi-4), JSON alone or after <c>&lt;|python_tag|></c>,
/// <c>&lt;function=name>{...}&lt;/function></c> (Llama 3) and <c>[name(key=value)]</c> (Llama 3.2 and 4); and else,
/// where a line begins with it, JSON that names one of the tools or follows a tool's name: special tokens are no part
/// of decoded text, so what comes after <c>[TOOL_CALLS]</c> may be all there is.
/// </remarks>
/// <param name="tools">The tools. JSON without any markup may call them alone.</param>
internal sealed partial class ToolCallReader(IReadOnlyList<ToolDefinition> tools)
{
    private const string Hermes = "<tool_call>";
    private const string HermesEnd = "</tool_call>";
    private const string Mistral = "[TOOL_CALLS]";
    private const string Python = "<|python_tag|>";
    private const string Function = "<function=";
    private const string FunctionEnd = "</function>";
    private const string Marked = "<|tool_call|>";
    private const string MarkedEnd = "<|/tool_call|>";
    private const string Functools = "functools[";

    private const int LongCall = 1024;
    private const int PartsOfLongCall = 32;

    // How often, on average, each character may be read for what turns out to be no call, and how many always are.
    private const int MostReadings = 64;
    private const int AlwaysRead = 1 << 20;

    private static readonly string[] s_markers = [Hermes, Mistral, Python, Function, Marked];
    private static readonly string[] s_firstKeys = ["name", "type", "function", "id", "arguments", "parameters"];

    private readonly HashSet<string> _names = [.. tools.Select(tool => tool.Name)];
    private readonly string[] _namesAsMarkers = [.. tools.Select(tool => tool.Name + "{")];
    private readonly HashSet<char> _firstLetters =
        [Functools[0], .. tools.Where(tool => tool.Name.Length > 0).Select(tool => tool.Name[0])];
    private readonly PythonCalls _python = new(tools.Select(tool => tool.Name).ToHashSet(StringComparer.Ordinal));
    private readonly List<ToolCall> _calls = [];
    private readonly System.Text.StringBuilder _held = new();
    private int _readNext; // length of what is held from which on it is read again
    private long _place; // of what is held, in the answer
    private long _readInVain;
    private bool _isAtLineStart = true;
    private bool _isAfterCall;

    /// <summary>Whether any call has been found.</summary>
    public bool FoundAny { get; private set; }

    /// <summary>
    /// Takes the next piece of the answer; returns what of it and of pieces before is certainly text.
    /// </summary>
    public string Push(string piece)
    {
        _held.Append(piece);
        // Of a long call not every piece is a reason to read all of it again: what took n pieces would take n².
        return _held.Length < _readNext ? "" : Read(_held.ToString(), isEnd: false);
    }

    /// <summary>The text that was held back, once no more will come.</summary>
    public string End() => Read(_held.ToString(), isEnd: true);

    /// <summary>The calls that became complete since the last time.</summary>
    public IReadOnlyList<ToolCall> TakeCalls()
    {
        ToolCall[] calls = [.. _calls];
        _calls.Clear();
        return calls;
    }

    private string Read(string text, bool isEnd)
    {
        var (at, certain) = (0, new System.Text.StringBuilder());
        while (at < text.Length)
        {
            if (_isAfterCall && text[at] == ';') // Llama's separator
                at++;
            _isAfterCall = false;
            var start = Opening(text, at);
            Pass(text[at..start]);
            at = start;
            if (at == text.Length)
                break;
            if (!isEnd && MayBecomeMarker(text.AsSpan(at)))
                break;
            // Beginnings inside each other that never end would take n².
            var isHopeless = _readInVain > AlwaysRead + MostReadings * (_place + at);
            var found = isHopeless ? Found.None(read: 0) : Call(text.AsSpan(at), isEnd);
            if (found is { Length: 0 })
                break; // it may become one
            if (found is { Calls: { } calls })
            {
                _calls.AddRange(calls);
                (FoundAny, _isAfterCall) = (true, true);
                at += found.Length;
            }
            else
            {
                _readInVain += found.Read;
                Pass(text[at..(at + 1)]);
                at++;
            }
        }

        _place += at;
        _held.Clear();
        if (isEnd)
            Pass(text[at..]);
        else
            _held.Append(text, at, text.Length - at);
        _readNext = _held.Length < LongCall ? 0 : _held.Length + _held.Length / PartsOfLongCall;
        return certain.ToString();

        void Pass(string part)
        {
            certain.Append(part);
            foreach (var letter in part)
                _isAtLineStart = letter == '\n' || (_isAtLineStart && char.IsWhiteSpace(letter));
        }
    }

    /// <summary>Where something begins that may be a call; the end of the text for nowhere.</summary>
    private int Opening(string text, int from)
    {
        var isAtLineStart = _isAtLineStart;
        for (var at = from; at < text.Length; at++)
        {
            var letter = text[at];
            if (letter is '<' or '[' || (isAtLineStart && (letter == '{' || _firstLetters.Contains(letter))))
                return at;
            isAtLineStart = letter == '\n' || (isAtLineStart && char.IsWhiteSpace(letter));
        }

        return text.Length;
    }

    private bool MayBecomeMarker(ReadOnlySpan<char> text)
    {
        foreach (var marker in _isAtLineStart ? [.. s_markers, .. _namesAsMarkers, Functools] : s_markers)
            if (text.Length < marker.Length && marker.AsSpan().StartsWith(text, StringComparison.Ordinal))
                return true;
        return false;
    }

    /// <summary>
    /// The calls at the beginning of a text and how long their markup is; a length of 0 while that is not certain.
    /// </summary>
    private Found Call(ReadOnlySpan<char> text, bool isEnd)
    {
        if (text.StartsWith(Hermes))
            return Enclosed(text, Hermes, HermesEnd, isEnd);
        if (text.StartsWith(Marked))
            return AfterMark(text, isEnd);
        if (text.StartsWith(Mistral))
            return AfterMistral(text, isEnd);
        if (text.StartsWith(Python))
            return Shifted(Json(text[Python.Length..], isEnd, isMarked: true), Python.Length);
        if (text.StartsWith(Function))
            return OfFunction(text, isEnd);
        if (!_isAtLineStart)
            return Found.None(read: 0);
        if (text.StartsWith(Functools))
            return Shifted(Json(text[(Functools.Length - 1)..], isEnd, isMarked: true), Functools.Length - 1);
        return text[0] switch
        {
            '{' => Json(text, isEnd, isMarked: false),
            '[' => List(text, isEnd),
            _ => AfterName(text, isEnd),
        };
    }

    /// <summary>Calls in a list, of JSON or in Python.</summary>
    private Found List(ReadOnlySpan<char> text, bool isEnd)
    {
        var inJson = Json(text, isEnd, isMarked: false);
        if (inJson.Calls is not null)
            return inJson;
        if (_python.Read(text) is not { } inPython)
            return inJson;
        return inPython.Length > 0 ? new Found(inPython.Length, inPython.Calls) : isEnd ? inJson : Found.Later;
    }

    /// <summary>A list after a mark, which another may follow.</summary>
    private Found AfterMark(ReadOnlySpan<char> text, bool isEnd)
    {
        var found = Shifted(Json(text[Marked.Length..], isEnd, isMarked: true), Marked.Length);
        if (found.Calls is null)
            return found;
        var rest = text[found.Length..].TrimStart();
        if (rest.StartsWith(MarkedEnd))
            return found with { Length = text.Length - rest.Length + MarkedEnd.Length };
        return !isEnd && MarkedEnd.AsSpan().StartsWith(rest, StringComparison.Ordinal) ? Found.Later : found;
    }

    /// <summary>A call as <c>name{...}</c>.</summary>
    private Found AfterName(ReadOnlySpan<char> text, bool isEnd)
    {
        foreach (var marker in _namesAsMarkers)
            if (text.StartsWith(marker, StringComparison.Ordinal))
                return Shifted(Arguments(marker[..^1], text[(marker.Length - 1)..], isEnd), marker.Length - 1);
        return Found.None(read: 0);
    }

    /// <summary>A call whose arguments a text begins with.</summary>
    private static Found Arguments(string name, ReadOnlySpan<char> text, bool isEnd)
    {
        var length = ToolCallJson.LengthOf(text);
        if (length == 0)
            return isEnd ? Found.None(text.Length) : Found.Later;
        return ToolCallJson.IsObject(text[..length])
            ? new Found(length, [ToolCallJson.Call(name, text[..length].ToString())])
            : Found.None(length);
    }

    private Found Enclosed(ReadOnlySpan<char> text, string begin, string end, bool isEnd)
    {
        var close = text.IndexOf(end, StringComparison.Ordinal);
        if (close < 0 && !isEnd)
            return Found.Later;
        var inside = close < 0 ? text[begin.Length..] : text[begin.Length..close];
        return (ToolCallJson.TryRead(inside) ?? InFunctions(inside)) is { } calls
            ? new Found(close < 0 ? text.Length : close + end.Length, calls)
            : Found.None(inside.Length);
    }

    /// <summary>Functions one after the other, and nothing else; null for something else.</summary>
    private List<ToolCall>? InFunctions(ReadOnlySpan<char> text)
    {
        var calls = new List<ToolCall>();
        for (text = text.Trim(); text.Length > 0; text = text.TrimStart())
        {
            if (!text.StartsWith(Function)
                || OfFunction(text, isEnd: true) is not { Calls: { } found, Length: var length })
                return null;
            calls.AddRange(found);
            text = text[length..];
        }

        return calls.Count > 0 ? calls : null;
    }

    private Found AfterMistral(ReadOnlySpan<char> text, bool isEnd)
    {
        var rest = text[Mistral.Length..];
        var json = rest.IndexOfAny('{', '[');
        if (json >= 0 && rest[..json].IsWhiteSpace())
            return Shifted(Json(rest, isEnd, isMarked: true), Mistral.Length);
        var given = rest.IndexOf('{');
        if (given < 0)
            return isEnd ? Found.None(rest.Length) : Found.Later;
        var name = MistralName().Match(rest[..given].ToString());
        return name.Success
            ? Shifted(Arguments(name.Groups["name"].Value, rest[given..], isEnd), Mistral.Length + given)
            : Found.None(given);
    }

    private Found OfFunction(ReadOnlySpan<char> text, bool isEnd)
    {
        var close = text.IndexOf(FunctionEnd, StringComparison.Ordinal);
        if (close < 0 && !isEnd)
            return Found.Later;
        var inside = close < 0 ? text[Function.Length..] : text[Function.Length..close];
        var brace = inside.IndexOf('>');
        if (brace <= 0)
            return Found.None(inside.Length);
        var name = inside[..brace].Trim().ToString();
        var arguments = inside[(brace + 1)..].Trim();
        var call = ToolCallJson.IsObject(arguments)
            ? ToolCallJson.Call(name, arguments.ToString())
            : MarkedArguments.Read(name, arguments, tools.FirstOrDefault(tool => tool.Name == name)?.Parameters);
        return call is null
            ? Found.None(inside.Length)
            : new Found(close < 0 ? text.Length : close + FunctionEnd.Length, [call]);
    }

    /// <summary>JSON that a text begins with.</summary>
    private Found Json(ReadOnlySpan<char> text, bool isEnd, bool isMarked)
    {
        var start = text.Length - text.TrimStart().Length;
        var json = text[start..];
        if (!CanBeCall(json))
            return Found.None(read: 0);
        var length = ToolCallJson.LengthOf(json);
        if (length == 0)
            return isEnd ? Found.None(json.Length) : Found.Later;
        if (ToolCallJson.TryRead(json[..length]) is not { } calls
            || (!isMarked && !calls.All(call => _names.Contains(call.Name))))
            return Found.None(length);
        return new Found(start + length, calls);
    }

    /// <summary>Whether JSON that may not have come to its end can be a call, as far as its first key says.</summary>
    private static bool CanBeCall(ReadOnlySpan<char> json)
    {
        var inside = json.TrimStart('[').TrimStart();
        if (inside.Length == 0)
            return true;
        if (inside[0] != '{')
            return false;
        var key = inside[1..].TrimStart();
        if (key.Length == 0)
            return true;
        if (key[0] != '"')
            return false;
        var end = key[1..].IndexOf('"');
        var name = (end < 0 ? key[1..] : key.Slice(1, end)).ToString();
        return Array.Exists(s_firstKeys, known => end < 0
            ? known.StartsWith(name, StringComparison.Ordinal)
            : known == name);
    }

    private static Found Shifted(Found found, int by) =>
        found.Calls is null ? found : found with { Length = found.Length + by };

    [GeneratedRegex(@"^\s*(?<name>[\w.-]+)(\[CALL_ID\]\w*)?(\[ARGS\])?\s*$")]
    private static partial Regex MistralName();

    /// <param name="Length">Of the markup.</param>
    /// <param name="Calls">Null where there are none.</param>
    /// <param name="Read">How many characters were read to see that there are none.</param>
    private sealed record Found(int Length, IReadOnlyList<ToolCall>? Calls, int Read = 0)
    {
        public static Found Later { get; } = new(0, null);

        public static Found None(int read) => new(1, null, read);
    }
}
