using System.Text;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>Text being printed, with the origin of every stretch.</summary>
internal sealed class Output
{
    private readonly StringBuilder _text = new();
    private readonly List<Run> _runs = [];

    /// <summary>Appends a value's text.</summary>
    /// <param name="value">The text.</param>
    /// <param name="turn">The pass of the outermost loop that prints it; text captured earlier keeps its own.</param>
    public void Write(PyString value, int turn)
    {
        RenderingBudget.Take(value.Bytes);
        _text.Append(value.Text);
        foreach (var run in value.Runs)
        {
            if (run.Length > 0 || run.Origin != Origin.Template)
                _runs.Add(run.Turn == 0 ? run with { Turn = turn } : run);
        }
    }

    public PyString ToPyString() => new(_text.ToString(), [.. _runs]);
}
