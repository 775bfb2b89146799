using System.Text.RegularExpressions;
using Lorikeet.Data;

namespace Lorikeet.Serving;

/// <summary>
/// Finds calls of tools in an answer as it comes. Text goes through as soon as it is certain that no call begins with
/// it.
/// </summary>
/// <remarks>
/// Read are what the templates of the common families teach: <c>&lt;tool_call>{...}&lt;/tool_call></c> (Hermes, Qwen),
/// <c>[TOOL_CALLS]</c> before a list or <c>name[ARGS]{...}</c> (Mistral), JSON alone or after
/// <c>&lt;|python_tag|></c> and <c>&lt;function=name>{...}&lt;/function></c> (Llama 3); and else, where a line begins
/// with it, JSON that names one of the tools.
/// </remarks>
/// <param name="tools">Names of the tools that JSON without any markup may call.</param>
internal sealed partial class ToolCallReader(IReadOnlySet<string> tools)
{
    private const string Hermes = "<tool_call>";
    private const string HermesEnd = "</tool_call>";
    private const string Mistral = "[TOOL_CALLS]";
    private const string Python = "<|python_tag|>";
    private const string Function = "<function=";
    private const string FunctionEnd = "</function>";

    private static readonly string[] s_markers = [Hermes, Mistral, Python, Function];
    private static readonly string[] s_firstKeys = ["name", "type", "function", "id", "arguments", "parameters"];

    private readonly List<ToolCall> _calls = [];
    private string _held = "";
    private bool _isAtLineStart = true;
    private bool _isAfterCall;

    /// <summary>Whether any call has been found.</summary>
    public bool FoundAny { get; private set; }

    /// <summary>Takes the next piece of the answer; returns what of it and of pieces before is certainly text.</summary>
    public string Push(string piece) => Read(_held + piece, isEnd: false);

    /// <summary>The text that was held back, once no more will come.</summary>
    public string End() => Read(_held, isEnd: true);

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
            if (!isEnd && Array.Exists(s_markers, marker => IsBeginning(text.AsSpan(at), marker)))
                break;
            var found = Call(text.AsSpan(at), isEnd);
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
                Pass(text[at..(at + 1)]);
                at++;
            }
        }

        _held = text[at..];
        if (isEnd)
            Pass(_held);
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
            if (letter is '<' or '[' || (isAtLineStart && letter == '{'))
                return at;
            isAtLineStart = letter == '\n' || (isAtLineStart && char.IsWhiteSpace(letter));
        }

        return text.Length;
    }

    /// <summary>Whether a text is the beginning of a longer marker.</summary>
    private static bool IsBeginning(ReadOnlySpan<char> text, string marker) =>
        text.Length < marker.Length && marker.AsSpan().StartsWith(text, StringComparison.Ordinal);

    /// <summary>
    /// The calls at the beginning of a text and how long their markup is; a length of 0 while that is not certain.
    /// </summary>
    private Found Call(ReadOnlySpan<char> text, bool isEnd)
    {
        if (text.StartsWith(Hermes))
            return Enclosed(text, Hermes.Length, HermesEnd, isEnd);
        if (text.StartsWith(Mistral))
            return AfterMistral(text, isEnd);
        if (text.StartsWith(Python))
            return Shifted(Json(text[Python.Length..], isEnd, isMarked: true), Python.Length);
        if (text.StartsWith(Function))
            return OfFunction(text, isEnd);
        return _isAtLineStart ? Json(text, isEnd, isMarked: false) : Found.None;
    }

    private static Found Enclosed(ReadOnlySpan<char> text, int start, string end, bool isEnd)
    {
        var close = text.IndexOf(end, StringComparison.Ordinal);
        if (close < 0 && !isEnd)
            return Found.Later;
        var inside = close < 0 ? text[start..] : text[start..close];
        return ToolCallJson.TryRead(inside) is { } calls
            ? new Found(close < 0 ? text.Length : close + end.Length, calls)
            : Found.None;
    }

    private Found AfterMistral(ReadOnlySpan<char> text, bool isEnd)
    {
        var rest = text[Mistral.Length..];
        var json = rest.IndexOfAny('{', '[');
        if (json >= 0 && rest[..json].IsWhiteSpace())
            return Shifted(Json(rest, isEnd, isMarked: true), Mistral.Length);
        var given = rest.IndexOf('{');
        if (given < 0)
            return isEnd ? Found.None : Found.Later;
        var name = MistralName().Match(rest[..given].ToString());
        if (!name.Success)
            return Found.None;
        var length = ToolCallJson.LengthOf(rest[given..]);
        if (length == 0)
            return isEnd ? Found.None : Found.Later;
        return new Found(
            Mistral.Length + given + length,
            [ToolCallJson.Call(name.Groups["name"].Value, rest.Slice(given, length).ToString())]);
    }

    private static Found OfFunction(ReadOnlySpan<char> text, bool isEnd)
    {
        var close = text.IndexOf(FunctionEnd, StringComparison.Ordinal);
        if (close < 0 && !isEnd)
            return Found.Later;
        var inside = close < 0 ? text[Function.Length..] : text[Function.Length..close];
        var brace = inside.IndexOf('>');
        if (brace <= 0)
            return Found.None;
        var arguments = inside[(brace + 1)..].Trim();
        if (arguments.Length == 0 || ToolCallJson.LengthOf(arguments) != arguments.Length)
            return Found.None;
        return new Found(
            close < 0 ? text.Length : close + FunctionEnd.Length,
            [ToolCallJson.Call(inside[..brace].Trim().ToString(), arguments.ToString())]);
    }

    /// <summary>JSON that a text begins with.</summary>
    private Found Json(ReadOnlySpan<char> text, bool isEnd, bool isMarked)
    {
        var start = text.Length - text.TrimStart().Length;
        var json = text[start..];
        if (!CanBeCall(json))
            return Found.None;
        var length = ToolCallJson.LengthOf(json);
        if (length == 0)
            return isEnd ? Found.None : Found.Later;
        if (ToolCallJson.TryRead(json[..length]) is not { } calls
            || (!isMarked && !calls.All(call => tools.Contains(call.Name))))
            return Found.None;
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
        found.Length == 0 ? found : found with { Length = found.Length + by };

    [GeneratedRegex(@"^\s*(?<name>[\w.-]+)(\[CALL_ID\]\w*)?(\[ARGS\])?\s*$")]
    private static partial Regex MistralName();

    /// <param name="Length">Of the markup.</param>
    /// <param name="Calls">Null where there are none.</param>
    private sealed record Found(int Length, IReadOnlyList<ToolCall>? Calls)
    {
        public static Found None { get; } = new(1, null);

        public static Found Later { get; } = new(0, null);
    }
}
