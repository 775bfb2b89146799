namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>jinja2's default Undefined: prints nothing, iterates over nothing, is false; all else fails.</summary>
/// <param name="reason">What the error says.</param>
/// <param name="kind">The error's name; an access the sandbox forbids is a SecurityError.</param>
internal sealed class Undefined(string reason, string kind = "UndefinedError")
{
    public static Undefined Variable(string name) => new($"'{name}' is undefined");

    public static Undefined Attribute(object target, string name) =>
        new($"'{Describe(target)}' has no attribute '{name}'");

    public static Undefined Element(object target, object index) => index is PyString name
        ? Attribute(target, name.Text)
        : new Undefined($"{Describe(target)} has no element {Display.Repr(index)}");

    public static Undefined Unsafe(object target, string name) => new(
        $"access to attribute '{name}' of '{PyType.NameOf(target)}' object is unsafe.", "SecurityError");

    public JinjaException Error() => new(kind, reason);

    private static string Describe(object target) =>
        target is PyNone ? "None" : $"{PyType.QualifiedNameOf(target)} object";
}
