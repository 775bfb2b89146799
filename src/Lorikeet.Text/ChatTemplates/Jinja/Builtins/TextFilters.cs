using System.Net;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>Filters that turn a value into text.</summary>
internal static partial class TextFilters
{
    public static object Capitalize(object value, CallArguments arguments) =>
        Rewrite(value, arguments, PyCase.Capitalize);

    public static object Lower(object value, CallArguments arguments) => Rewrite(value, arguments, PyCase.Lower);

    public static object Upper(object value, CallArguments arguments) => Rewrite(value, arguments, PyCase.Upper);

    /// <summary>Unlike <c>str.title</c>, words begin only after white space and the brackets jinja2 names.</summary>
    public static object Title(object value, CallArguments arguments) => Rewrite(value, arguments, text =>
        string.Concat(WordStart().Split(text).Where(part => part.Length > 0).Select(TitleWord)));

    public static object Center(object value, CallArguments arguments)
    {
        var width = arguments.Bind("width").Integer(0, 80);
        var center = StringMethods.Find(Display.Str(value), "center")!;
        return center.Call(new CallArguments("center", [new BigInteger(width)], []));
    }

    public static object Escape(object value, CallArguments arguments) => Html.Escape(Display.Str(value));

    public static object ForceEscape(object value, CallArguments arguments) => Html.ForceEscape(Display.Str(value));

    public static object Format(object value, CallArguments arguments)
    {
        if (arguments.Positional.Count > 0 && arguments.Named.Count > 0)
            throw JinjaException.Argument("can't handle positional and keyword arguments at the same time");
        if (arguments.Named.Count == 0)
            return PercentFormat.Apply(Display.Str(value), PySequence.Tuple([.. arguments.Positional]));
        var named = new PyDict();
        foreach (var (name, argument) in arguments.Named)
            named[new PyString(name)] = argument;
        return PercentFormat.Apply(Display.Str(value), named);
    }

    public static object Replace(object value, CallArguments arguments)
    {
        var a = arguments.Bind("old", "new", "count");
        var text = Display.Str(value).AsMarkup(false);
        return StringMethods.Replace(text, Display.Str(a.Required(0)), Display.Str(a.Required(1)), a.Integer(2, -1));
    }

    public static object Trim(object value, CallArguments arguments)
    {
        var a = arguments.Bind("chars");
        return StringMethods.Strip(Display.Str(value), a.Has(0) ? a.RequiredText(0) : null);
    }

    public static object StripTags(object value, CallArguments arguments) =>
        Display.Str(value).AsMarkup(false).Rewrite(text => string.Join(' ', WithoutTags(text).Split(
            (char[]?)null, StringSplitOptions.RemoveEmptyEntries)));

    public static object WordCount(object value, CallArguments arguments) =>
        new BigInteger(Word().Count(Display.Str(value).Text));

    /// <summary><c>json.dumps</c> with the defaults that transformers gives it.</summary>
    public static object ToJson(object value, CallArguments arguments)
    {
        var a = arguments.Bind("ensure_ascii", "indent", "separators", "sort_keys");
        var indent = a.Optional(1) switch
        {
            null or PyNone => null,
            PyString text => text.Text,
            var width => LayoutFilters.Spaces(BoundArguments.ToInteger(width)).Text,
        };
        var (itemSeparator, keySeparator) = a.Has(2)
            ? Iteration.ToPair(a.Required(2))
            : (new PyString(indent is null ? ", " : ","), new PyString(": "));
        var writer = new JsonText(
            a.Flag(0), indent, Display.Str(itemSeparator).Text, Display.Str(keySeparator).Text, a.Flag(3));
        return new PyString(writer.Write(value), Display.OriginOf(value));
    }

    public static object UrlEncode(object value, CallArguments arguments)
    {
        if (value is PyString or PyNone || Iteration.TryOf(value) is null)
            return Display.Str(value).Rewrite(text => Quote(text, "/"));
        var pairs = value is PyDict dict ? dict.Pairs : Iteration.Of(value);
        return new PyString(
            string.Join('&', pairs.Select(Iteration.ToPair).Select(pair =>
                $"{QueryPart(pair.First)}={QueryPart(pair.Second)}")),
            Display.OriginOf(value));
    }

    public static object XmlAttributes(object value, CallArguments arguments)
    {
        var parts = new List<PyString>();
        var separator = arguments.Bind("autospace").Flag(0, fallback: true) ? " " : "";
        foreach (var pair in DictMethods.Require(value).Pairs)
        {
            var (key, item) = (Display.Str(pair.Items[0]), pair.Items[1]);
            if (item is PyNone or Undefined)
                continue;
            if (key.Text.Any(" \t\n\r\f\v/>=".Contains))
                throw JinjaException.Value($"Invalid character in attribute name: {Display.Repr(key)}");
            parts.AddRange([separator, Html.Escape(key), "=\"", Html.Escape(Display.Str(item)), "\""]);
            separator = " ";
        }
        return PyString.Concat([PyString.Empty, .. parts]);
    }

    [GeneratedRegex(@"([-\s({\[<]+)")]
    private static partial Regex WordStart();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    private static PyString Rewrite(object value, CallArguments arguments, Func<string, string> rewrite)
    {
        arguments.Bind();
        return Display.Str(value).Rewrite(rewrite);
    }

    private static string TitleWord(string word)
    {
        var first = PyText.CodePointLength(word, 0);
        return PyCase.Upper(word[..first]) + PyCase.Lower(word[first..]);
    }

    private static string WithoutTags(string text) =>
        WebUtility.HtmlDecode(Without(Without(text, "<!--", "-->"), "<", ">"));

    // An expression would look for the end again after every beginning that has none.
    private static string Without(string text, string beginning, string end)
    {
        var result = new StringBuilder(text.Length);
        var position = 0;
        while (text.IndexOf(beginning, position, StringComparison.Ordinal) is >= 0 and var start
            && text.IndexOf(end, start + beginning.Length, StringComparison.Ordinal) is >= 0 and var found)
        {
            result.Append(text, position, start - position);
            position = found + end.Length;
        }

        return result.Append(text, position, text.Length - position).ToString();
    }

    private static string QueryPart(object value) => Quote(Display.Str(value).Text, "").Replace("%20", "+");

    private static string Quote(string text, string safe)
    {
        var result = new MeteredText();
        foreach (var octet in System.Text.Encoding.UTF8.GetBytes(text))
        {
            var c = (char)octet;
            if (char.IsAsciiLetterOrDigit(c) || "_.-~".Contains(c) || safe.Contains(c))
                result.Append(c);
            else
                result.Append('%').Append($"{octet:X2}");
        }
        return result.ToString();
    }
}
