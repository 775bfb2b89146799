using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>Variables by name; what a loop or macro sets is gone when it ends.</summary>
internal sealed class Scope(Scope? outer = null)
{
    // A dictionary with a few values takes more, but of nearly every scope nothing stays after one pass of a loop.
    private const int Bytes = 96;

    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);

    public object this[string name]
    {
        set
        {
            if (_values.Count == 0)
                RenderingBudget.Take(Bytes);
            _values[name] = value;
        }
    }

    public object Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            RenderingBudget.Take(1);
            if (scope._values.TryGetValue(name, out var value))
                return value;
        }
        return Undefined.Variable(name);
    }

    private Scope? Outer { get; } = outer;
}
