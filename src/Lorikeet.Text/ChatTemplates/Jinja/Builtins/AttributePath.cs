using System.Globalization;
using System.Numerics;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>The <c>attribute=</c> of filters: a dotted path or an index.</summary>
internal sealed class AttributePath
{
    private readonly object[] _parts;
    private readonly object? _fallback;

    private AttributePath(IEnumerable<object> parts, object? fallback)
    {
        _parts = [.. parts];
        _fallback = fallback;
    }

    /// <summary>The path that a value names; none for None.</summary>
    /// <param name="attribute">A dotted string, an int, or None.</param>
    /// <param name="fallback">What stands for a missing attribute, if anything.</param>
    public static AttributePath Parse(object? attribute, object? fallback = null) => attribute switch
    {
        null or PyNone => new AttributePath([], fallback),
        PyString text => new AttributePath(text.Text.Split('.').Select(Part), fallback is PyNone ? null : fallback),
        _ => new AttributePath([attribute], fallback is PyNone ? null : fallback),
    };

    /// <summary>The paths of a comma-separated list.</summary>
    public static IReadOnlyList<AttributePath> ParseAll(object? attribute) => attribute is PyString text
        ? [.. text.Text.Split(',').Select(path => Parse(new PyString(path)))]
        : [Parse(attribute)];

    public object Of(object item)
    {
        foreach (var part in _parts)
        {
            RenderingBudget.Step();
            item = Members.Item(item, part);
            if (item is Undefined && _fallback is not null)
                item = _fallback;
        }
        return item;
    }

    private static object Part(string part) =>
        part.Length > 0 && part.Length <= ReadingLimits.Digits && part.All(char.IsAsciiDigit)
        ? BigInteger.Parse(part, CultureInfo.InvariantCulture)
        : new PyString(part);
}
