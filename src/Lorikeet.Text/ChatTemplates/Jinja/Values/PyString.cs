using System.Text;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>A string that knows where each of its stretches came from. Immutable.</summary>
internal sealed class PyString : IEquatable<PyString>
{
    private const int ObjectBytes = 64;
    private const int RunBytes = 12;

    private readonly Run[] _runs;

    public PyString(string text, int origin = Origin.Template, bool isMarkup = false)
        : this(text, [new Run(text.Length, origin, 0)], isMarkup) { }

    public PyString(string text, Run[] runs, bool isMarkup = false)
        : this(runs, text, isMarkup) => RenderingBudget.Take(Bytes);

    /// <summary>A text that is paid for, or shared with another.</summary>
    private PyString(Run[] runs, string text, bool isMarkup)
    {
        Text = text;
        _runs = runs;
        IsMarkup = isMarkup;
    }

    public static PyString Empty { get; } = new("");

    public string Text { get; }

    /// <summary>What it takes in memory, about.</summary>
    public long Bytes => ObjectBytes + sizeof(char) * (long)Text.Length + RunBytes * (long)_runs.Length;

    /// <summary>Stretches in order; their lengths add up to the text's.</summary>
    public IReadOnlyList<Run> Runs => _runs;

    /// <summary>Whether it counts as safe HTML, so that adding plain text to it escapes that text.</summary>
    public bool IsMarkup { get; }

    /// <summary>The one origin behind the text, or what its origins combine to.</summary>
    public int CombinedOrigin => _runs.Aggregate(Origin.Template, (origin, run) => Origin.Combine(origin, run.Origin));

    public static implicit operator PyString(string text) => new(text);

    public static PyString Concat(IReadOnlyList<PyString> parts)
    {
        if (parts.Count == 1)
            return parts[0];
        RenderingBudget.Take(parts.Sum(part => part.Bytes));
        Run[] runs = [.. parts.SelectMany(part => part._runs)];
        return new PyString(runs, string.Concat(parts.Select(part => part.Text)), isMarkup: false);
    }

    public static PyString Join(PyString separator, IReadOnlyList<PyString> parts)
    {
        RenderingBudget.Take(separator.Bytes * parts.Count);
        var all = new List<PyString>(2 * parts.Count);
        foreach (var part in parts)
        {
            if (all.Count > 0)
                all.Add(separator);
            all.Add(part);
        }
        return all.Count == 0 ? Empty : Concat(all);
    }

    public PyString AsMarkup(bool isMarkup = true) => isMarkup == IsMarkup ? this : new PyString(_runs, Text, isMarkup);

    /// <summary>The same text, printed in <paramref name="turn"/> where no other turn has printed it.</summary>
    public PyString At(int turn)
    {
        RenderingBudget.Take(RunBytes * (long)_runs.Length);
        return new([.. _runs.Select(run => run.Turn == 0 ? run with { Turn = turn } : run)], Text, IsMarkup);
    }

    /// <summary>The part of <paramref name="length"/> UTF-16 units at <paramref name="start"/>.</summary>
    public PyString Slice(int start, int length)
    {
        if (start == 0 && length == Text.Length)
            return this;
        RenderingBudget.Take(2L * _runs.Length);
        var runs = new List<Run>();
        var end = start + length;
        var runStart = 0;
        foreach (var run in _runs)
        {
            var from = Math.Max(start, runStart);
            var to = Math.Min(end, runStart + run.Length);
            if (to > from)
                runs.Add(run with { Length = to - from });
            runStart += run.Length;
        }
        // An empty part still says where it was cut from: it may be a trimmed content.
        if (runs.Count == 0)
            runs.Add(new Run(0, CombinedOrigin, 0));
        return new PyString(Text.Substring(start, length), [.. runs], IsMarkup);
    }

    public PyString From(int start) => Slice(start, Text.Length - start);

    /// <summary>The text rewritten; origins survive where rewriting stretch by stretch gives the same text.</summary>
    public PyString Rewrite(Func<string, string> rewrite)
    {
        RenderingBudget.Text(Text.Length);
        var whole = rewrite(Text);
        if (_runs.Length == 1)
            return new PyString(whole, [_runs[0] with { Length = whole.Length }], IsMarkup);

        var parts = new List<Run>(_runs.Length);
        var joined = new StringBuilder(whole.Length);
        var start = 0;
        foreach (var run in _runs)
        {
            var part = rewrite(Text.Substring(start, run.Length));
            parts.Add(run with { Length = part.Length });
            joined.Append(part);
            start += run.Length;
        }
        return joined.Equals(whole)
            ? new PyString(whole, [.. parts], IsMarkup)
            : new PyString(whole, [new Run(whole.Length, MixedOrigin(), 0)], IsMarkup);
    }

    public bool Equals(PyString? other) => other is not null && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as PyString);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Text;

    /// <summary>
    /// Text of an assistant rewritten together with the template's own can no longer be separated from it.
    /// </summary>
    private int MixedOrigin() =>
        _runs.Any(run => run.Origin > 0) && _runs.Any(run => run.Origin != _runs[0].Origin)
            ? Origin.Mixed
            : CombinedOrigin;
}
