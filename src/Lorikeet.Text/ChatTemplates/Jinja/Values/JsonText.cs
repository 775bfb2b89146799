using System.Numerics;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>
/// <c>json.dumps</c> as the <c>tojson</c> of transformers calls it: nothing is escaped for HTML and, unless asked,
/// nothing outside ASCII is escaped.
/// </summary>
/// <param name="ensureAscii">Whether to escape what is not ASCII.</param>
/// <param name="indent">The indentation of one level, or null for one line.</param>
/// <param name="itemSeparator">Between items.</param>
/// <param name="keySeparator">Between a key and its value.</param>
/// <param name="sortKeys">Whether to order keys.</param>
internal sealed class JsonText(
    bool ensureAscii, string? indent, string itemSeparator, string keySeparator, bool sortKeys)
{
    private MeteredText _text = new();

    public string Write(object value)
    {
        _text = new MeteredText();
        Append(value, 0);
        return _text.ToString();
    }

    private void Append(object value, int depth)
    {
        using var level = DepthGuard.Enter();
        RenderingBudget.Step();
        switch (value)
        {
            case PyNone:
                _text.Append("null");
                break;
            case bool flag:
                _text.Append(flag ? "true" : "false");
                break;
            case BigInteger integer:
                _text.Append(Display.Integer(integer));
                break;
            case double real:
                _text.Append(Float(real));
                break;
            case PyString text:
                AppendString(text.Text);
                break;
            case PySequence { Kind: SequenceKind.List or SequenceKind.Tuple } list:
                AppendItems('[', ']', list.Items, item => Append(item, depth + 1), depth);
                break;
            case PyDict dict:
                AppendItems('{', '}', Pairs(dict), pair => AppendPair(pair, depth), depth);
                break;
            default:
                throw JinjaException.Type($"Object of type {PyType.NameOf(value)} is not JSON serializable");
        }
    }

    private void AppendItems<T>(char open, char close, IReadOnlyList<T> items, Action<T> append, int depth)
    {
        _text.Append(open);
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
                _text.Append(itemSeparator);
            AppendLineBreak(depth + 1);
            append(items[i]);
        }
        if (items.Count > 0)
            AppendLineBreak(depth);
        _text.Append(close);
    }

    private void AppendLineBreak(int depth)
    {
        if (indent is null)
            return;
        _text.Append('\n');
        for (var level = 0; level < depth; level++)
            _text.Append(indent);
    }

    private void AppendPair(PySequence pair, int depth)
    {
        AppendString(Key(pair.Items[0]));
        _text.Append(keySeparator);
        Append(pair.Items[1], depth + 1);
    }

    private IReadOnlyList<PySequence> Pairs(PyDict dict) => sortKeys
        ? [.. dict.Pairs.Order(Comparer<PySequence>.Create((a, b) => Comparison.Compare(a.Items[0], b.Items[0], "<")))]
        : [.. dict.Pairs];

    private static string Key(object key) => key switch
    {
        PyString text => text.Text,
        bool flag => flag ? "true" : "false",
        PyNone => "null",
        BigInteger integer => Display.Integer(integer),
        double real => Float(real),
        _ => throw JinjaException.Type(
            $"keys must be str, int, float, bool or None, not {PyType.NameOf(key)}"),
    };

    private static string Float(double value) => value switch
    {
        double.NaN => "NaN",
        double.PositiveInfinity => "Infinity",
        double.NegativeInfinity => "-Infinity",
        _ => Display.Float(value),
    };

    private void AppendString(string text)
    {
        _text.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => _text.Append("\\\""),
                '\\' => _text.Append("\\\\"),
                '\n' => _text.Append("\\n"),
                '\r' => _text.Append("\\r"),
                '\t' => _text.Append("\\t"),
                '\b' => _text.Append("\\b"),
                '\f' => _text.Append("\\f"),
                < ' ' => _text.Append($"\\u{(int)c:x4}"),
                > '~' when ensureAscii => _text.Append($"\\u{(int)c:x4}"),
                _ => _text.Append(c),
            };
        }
        _text.Append('"');
    }
}
