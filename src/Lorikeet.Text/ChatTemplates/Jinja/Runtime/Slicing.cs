using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary><c>value[start:stop:step]</c>.</summary>
internal static class Slicing
{
    public static object Apply(object target, int? start, int? stop, int? step)
    {
        if (target is Undefined undefined)
            throw undefined.Error();
        if (step == 0)
            throw JinjaException.Value("slice step cannot be zero");
        return target switch
        {
            PyString text => Text(text, start, stop, step ?? 1),
            PyRange range => Range(range, start, stop, step ?? 1),
            PySequence { HasItems: true } sequence => new PySequence(
                sequence.Kind,
                [.. Indices(sequence.Items.Count, start, stop, step ?? 1).Select(index => sequence.Items[index])],
                sequence.Origin),
            PyDict => throw JinjaException.Type("unhashable type: 'slice'"),
            _ => throw JinjaException.Type($"'{PyType.NameOf(target)}' object is not subscriptable"),
        };
    }

    private static PyString Text(PyString text, int? start, int? stop, int step)
    {
        var length = Iteration.Length(text)!.Value;
        if (step == 1)
        {
            var from = PyText.Offset(text.Text, Clamp(start ?? 0, length, 0, length));
            var to = PyText.Offset(text.Text, Clamp(stop ?? length, length, 0, length));
            return text.Slice(from, Math.Max(0, to - from));
        }

        var characters = Iteration.Of(text).Cast<PyString>().ToArray();
        return PyString.Concat([PyString.Empty, .. Indices(length, start, stop, step).Select(i => characters[i])]);
    }

    private static PyRange Range(PyRange range, int? start, int? stop, int step)
    {
        var (from, to) = Bounds(range.Items.Count, start, stop, step);
        return range.Slice(from, to, step);
    }

    private static IEnumerable<int> Indices(int length, int? start, int? stop, int step)
    {
        var (from, to) = Bounds(length, start, stop, step);
        for (long i = from; step > 0 ? i < to : i > to; i += step)
        {
            RenderingBudget.Step();
            yield return (int)i;
        }
    }

    private static (int From, int To) Bounds(int length, int? start, int? stop, int step)
    {
        var (low, high) = step > 0 ? (0, length) : (-1, length - 1);
        var from = start is { } s ? Clamp(s, length, low, high) : step > 0 ? low : high;
        var to = stop is { } e ? Clamp(e, length, low, high) : step > 0 ? high : low;
        return (from, to);
    }

    private static int Clamp(int index, int length, int low, int high) =>
        Math.Clamp(index < 0 ? index + length : index, low, high);
}
