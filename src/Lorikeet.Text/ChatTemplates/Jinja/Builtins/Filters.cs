using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>What may follow a bar: jinja2's filters, with the <c>tojson</c> of transformers.</summary>
/// <remarks>
/// Left out, so that using one is an error: <c>random</c> (a text to learn from must not change), <c>pprint</c> and
/// <c>urlize</c>.
/// </remarks>
internal static class Filters
{
    private static readonly Dictionary<string, Func<object, CallArguments, object>> ByName = new()
    {
        ["abs"] = NumberFilters.Abs,
        ["attr"] = (value, a) => Members.AttributeOnly(value, a.Bind("name").RequiredText(0).Text),
        ["batch"] = SequenceFilters.Batch,
        ["capitalize"] = TextFilters.Capitalize,
        ["center"] = TextFilters.Center,
        ["count"] = SequenceFilters.Length,
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = OrderFilters.DictSort,
        ["e"] = TextFilters.Escape,
        ["escape"] = TextFilters.Escape,
        ["filesizeformat"] = NumberFilters.FileSize,
        ["first"] = SequenceFilters.First,
        ["float"] = NumberFilters.Float,
        ["forceescape"] = TextFilters.ForceEscape,
        ["format"] = TextFilters.Format,
        ["groupby"] = OrderFilters.GroupBy,
        ["indent"] = LayoutFilters.Indent,
        ["int"] = NumberFilters.Int,
        ["items"] = SequenceFilters.Items,
        ["join"] = SequenceFilters.Join,
        ["last"] = SequenceFilters.Last,
        ["length"] = SequenceFilters.Length,
        ["list"] = (value, _) => PySequence.List(Iteration.Of(value)),
        ["lower"] = TextFilters.Lower,
        ["map"] = SelectionFilters.Map,
        ["max"] = OrderFilters.Max,
        ["min"] = OrderFilters.Min,
        ["reject"] = (value, a) => SelectionFilters.Select(value, a, byAttribute: false, keep: false),
        ["rejectattr"] = (value, a) => SelectionFilters.Select(value, a, byAttribute: true, keep: false),
        ["replace"] = TextFilters.Replace,
        ["reverse"] = SequenceFilters.Reverse,
        ["round"] = NumberFilters.Round,
        ["safe"] = (value, _) => Display.Str(value).AsMarkup(),
        ["select"] = (value, a) => SelectionFilters.Select(value, a, byAttribute: false, keep: true),
        ["selectattr"] = (value, a) => SelectionFilters.Select(value, a, byAttribute: true, keep: true),
        ["slice"] = SequenceFilters.Slice,
        ["sort"] = OrderFilters.Sort,
        ["string"] = (value, _) => Display.Str(value),
        ["striptags"] = TextFilters.StripTags,
        ["sum"] = SequenceFilters.Sum,
        ["title"] = TextFilters.Title,
        ["tojson"] = TextFilters.ToJson,
        ["trim"] = TextFilters.Trim,
        ["truncate"] = LayoutFilters.Truncate,
        ["unique"] = OrderFilters.Unique,
        ["upper"] = TextFilters.Upper,
        ["urlencode"] = TextFilters.UrlEncode,
        ["wordcount"] = TextFilters.WordCount,
        ["wordwrap"] = LayoutFilters.WordWrap,
        ["xmlattr"] = TextFilters.XmlAttributes,
    };

    public static bool Exists(string name) => ByName.ContainsKey(name);

    /// <summary>Applies a filter by name; an unknown one is an error.</summary>
    public static object Apply(string name, object value, CallArguments arguments)
    {
        if (!ByName.TryGetValue(name, out var filter))
            throw JinjaException.Runtime($"No filter named '{name}'.");
        RenderingBudget.Step();
        if (value is PyString text)
            RenderingBudget.Scan(text.Text.Length);
        return filter(value, arguments);
    }

    private static object Default(object value, CallArguments arguments)
    {
        var a = arguments.Bind("default_value", "boolean");
        var isMissing = value is Undefined || (a.Flag(1) && !Comparison.IsTrue(value));
        return isMissing ? a.Or(0, PyString.Empty) : value;
    }
}
