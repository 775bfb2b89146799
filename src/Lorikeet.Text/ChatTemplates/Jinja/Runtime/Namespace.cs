using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary><c>namespace(...)</c>: the one thing a template can change from inside a loop.</summary>
internal sealed class Namespace(PyDict attributes)
{
    public PyDict Attributes => attributes;
}
