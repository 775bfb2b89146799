using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary><c>cycler(...)</c>: gives its items in turn.</summary>
internal sealed class Cycler(IReadOnlyList<object> items)
{
    private int _position;

    public object Current => items[_position];

    public object Next()
    {
        var current = Current;
        _position = (_position + 1) % items.Count;
        return current;
    }

    public object Reset()
    {
        _position = 0;
        return PyNone.Value;
    }
}
