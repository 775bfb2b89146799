using System.Text;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Text being put together, paid for as it grows.</summary>
internal sealed class MeteredText
{
    private readonly StringBuilder _text = new();

    public MeteredText Append(char unit)
    {
        RenderingBudget.Text(1);
        _text.Append(unit);
        return this;
    }

    public MeteredText Append(ReadOnlySpan<char> text)
    {
        RenderingBudget.Text(text.Length);
        _text.Append(text);
        return this;
    }

    public MeteredText Append(char unit, int count)
    {
        RenderingBudget.Text(count);
        _text.Append(unit, count);
        return this;
    }

    public override string ToString() => _text.ToString();
}
