using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>Filters that lay text out in lines.</summary>
internal static class LayoutFilters
{
    public static object Indent(object value, CallArguments arguments)
    {
        var a = arguments.Bind("width", "first", "blank");
        var indent = a.Optional(0) is PyString text ? text : Spaces(a.Integer(0, 4));
        var source = RequireText(value, () => value is PySequence { Kind: SequenceKind.List }
            ? NoMember(value, "splitlines")
            : JinjaException.Type($"unsupported operand type(s) for +=: '{PyType.NameOf(value)}' and 'str'"));
        var lines = StringSplitting.Lines(PyString.Concat([source, "\n"]), keepEnds: false).ToArray();

        var parts = new List<PyString>();
        for (var i = 0; i < lines.Length; i++)
        {
            if (i > 0)
                parts.Add("\n");
            if (i == 0 ? a.Flag(1) : a.Flag(2) || lines[i].Text.Length > 0)
                parts.Add(indent);
            parts.Add(lines[i]);
        }
        return PyString.Concat(parts).AsMarkup(source.IsMarkup);
    }

    /// <summary>So many spaces; none for a negative number.</summary>
    public static PyString Spaces(int count)
    {
        RenderingBudget.Text(Math.Max(0, count));
        return new PyString(new string(' ', Math.Max(0, count)));
    }

    public static object Truncate(object value, CallArguments arguments)
    {
        var a = arguments.Bind("length", "killwords", "end", "leeway");
        var (length, end, leeway) = (a.Integer(0, 255), a.Text(2, "..."), a.Integer(3, 5));
        var endLength = PyText.Length(end.Text);
        if (length < endLength)
            throw new JinjaException("AssertionError", $"expected length >= {endLength}, got {length}");
        if (leeway < 0)
            throw new JinjaException("AssertionError", $"expected leeway >= 0, got {leeway}");
        var valueLength = Iteration.Length(value)
            ?? throw JinjaException.Type($"object of type '{PyType.NameOf(value)}' has no len()");
        if (valueLength <= length + leeway)
            return value;
        var text = RequireText(value, () => NoMember(value, "rsplit"));

        var kept = text.Slice(0, PyText.Offset(text.Text, length - endLength));
        var space = a.Flag(1) ? -1 : kept.Text.LastIndexOf(' ');
        return PyString.Concat([space < 0 ? kept : kept.Slice(0, space), end]);
    }

    public static object WordWrap(object value, CallArguments arguments)
    {
        var a = arguments.Bind("width", "break_long_words", "wrapstring", "break_on_hyphens");
        var separator = a.Has(2) ? a.RequiredText(2) : "\n";
        var wrapping = new TextWrapping(a.Integer(0, 79), a.Flag(1, fallback: true), a.Flag(3, fallback: true));
        var text = RequireText(value, () => NoMember(value, "splitlines"));
        var paragraphs = StringSplitting.Lines(text, keepEnds: false)
            .Select(line => PyString.Join(separator, [.. wrapping.Wrap(line)]));
        return PyString.Join(separator, [.. paragraphs]);
    }

    private static JinjaException NoMember(object value, string name) =>
        new("AttributeError", $"'{PyType.NameOf(value)}' object has no attribute '{name}'");

    private static PyString RequireText(object value, Func<JinjaException> error) => value switch
    {
        PyString text => text,
        Undefined undefined => throw undefined.Error(),
        _ => throw error(),
    };
}
