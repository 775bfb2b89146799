namespace Lorikeet.Text.ChatTemplates.Jinja;

/// <summary>A fault in a template or in its rendering, in the words jinja2 and Python use for it.</summary>
/// <param name="kind">The Python exception's name, such as <c>TypeError</c> or <c>TemplateSyntaxError</c>.</param>
/// <param name="reason">What went wrong.</param>
/// <param name="line">The template's line, or 0 when not known yet.</param>
internal sealed class JinjaException(string kind, string reason, int line = 0) : Exception($"{kind}: {reason}")
{
    public string Kind { get; } = kind;

    public string Reason { get; } = reason;

    public int Line { get; private set; } = line;

    /// <summary>
    /// Places the fault at a line unless it already has a place; never true, as exception filters want it.
    /// </summary>
    /// <remarks>
    /// A filter, since to catch and throw again at every level of nesting piles the levels up on the stack until it is
    /// full.
    /// </remarks>
    public bool PassesThrough(int line)
    {
        if (Line == 0)
            Line = line;
        return false;
    }

    public static JinjaException Syntax(string reason, int line) => new("TemplateSyntaxError", reason, line);

    public static JinjaException Assertion(string reason, int line) => new("TemplateAssertionError", reason, line);

    public static JinjaException Type(string reason) => new("TypeError", reason);

    public static JinjaException Value(string reason) => new("ValueError", reason);

    public static JinjaException Runtime(string reason) => new("TemplateRuntimeError", reason);

    public static JinjaException Argument(string reason) => new("FilterArgumentError", reason);
}
