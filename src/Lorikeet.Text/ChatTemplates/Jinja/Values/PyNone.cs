namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Python's <c>None</c>. Values are: PyNone, bool, BigInteger, double, and the types of this folder.</summary>
internal sealed class PyNone
{
    public static PyNone Value { get; } = new();

    private PyNone() { }
}
