using System.Collections;
using System.Globalization;
using System.Reflection;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Lora;

namespace Lorikeet.Configuration;

/// <summary>One option of a tree: its names, type, range, help and default, and the way to its property.</summary>
public sealed class OptionDefinition
{
    private readonly PropertyInfo? _group;
    private readonly PropertyInfo _property;
    private readonly OptionAttribute _attribute;

    internal OptionDefinition(PropertyInfo? group, PropertyInfo property, OptionAttribute attribute, object defaults)
    {
        (_group, _property, _attribute) = (group, property, attribute);
        Default = Get(defaults);
    }

    /// <summary>Canonical snake_case name.</summary>
    public string Name => _attribute.Name;

    /// <summary>Other names.</summary>
    public IReadOnlyList<string> Aliases => _attribute.Aliases;

    /// <summary>The canonical name and the others.</summary>
    public IEnumerable<string> AllNames => Aliases.Prepend(Name);

    /// <summary>Name of the group: model, lora, data ...; empty in a tree without groups.</summary>
    public string Group => _group?.Name.ToLowerInvariant() ?? "";

    /// <summary>What the option does.</summary>
    public string Help => OptionDocumentation.Of(_property).Summary;

    /// <summary>
    /// Why the default is what it is; the documentation names the default first, which is left out here.
    /// </summary>
    public string Reason
    {
        get
        {
            var (value, stated) = (OptionDocumentation.Of(_property).Value, $"{DefaultText.Trim('[', ']', '"')}. ");
            return value.StartsWith(stated, StringComparison.Ordinal) ? value[stated.Length..] : value;
        }
    }

    /// <summary>The default and why it is that, as the property's documentation says it.</summary>
    internal string DocumentedDefault => OptionDocumentation.Of(_property).Value;

    /// <summary>The value when the option is not set.</summary>
    public object? Default { get; }

    /// <summary>The default as it is written in run.yaml.</summary>
    public string DefaultText => OptionValueWriter.ToYaml(Default);

    /// <summary>The value in a tree, as run.yaml has it.</summary>
    public string TextIn(object root) => OptionValueWriter.ToYaml(Get(root));

    /// <summary>A value that stands for an option's, as run.yaml would have it.</summary>
    /// <param name="value">
    /// Null, a flag, a number, text, an enumeration's member, modules, or a list or dictionary of them.
    /// </param>
    /// <returns>YAML on one line: a scalar or a flow collection.</returns>
    public static string TextOf(object? value) => OptionValueWriter.ToYaml(value);

    /// <summary>Type of the value, without Nullable.</summary>
    public Type ValueType => Nullable.GetUnderlyingType(_property.PropertyType) ?? _property.PropertyType;

    /// <summary>Type of one element: of a list or of a dictionary's values, else of the value itself.</summary>
    public Type ElementType => ValueType.IsGenericType ? ValueType.GetGenericArguments()[^1] : ValueType;

    /// <summary>Whether the value can be "not set".</summary>
    public bool IsOptional => Default is null || Nullable.GetUnderlyingType(_property.PropertyType) is not null;

    /// <summary>Whether the option is on or off.</summary>
    public bool IsFlag => ValueType == typeof(bool);

    /// <summary>Whether the value is a list.</summary>
    public bool IsList => ValueType.IsGenericType && ValueType.GetGenericTypeDefinition() == typeof(IReadOnlyList<>);

    /// <summary>Whether the value is a dictionary.</summary>
    public bool IsMapping => ValueType.IsGenericType && !IsList;

    /// <summary>Whether several texts may be given: a list, or a choice of modules.</summary>
    public bool TakesSeveral => IsList || IsMapping || ValueType == typeof(TargetModules);

    /// <summary>Whether a comma separates elements; where text itself holds commas, repetition does.</summary>
    public bool SplitsAtCommas => !_attribute.Verbatim;

    /// <summary>Whether the value names files or folders.</summary>
    public bool NamesFiles =>
        Placeholder.Contains("FILE", StringComparison.Ordinal) || Placeholder.Contains("DIR", StringComparison.Ordinal);

    /// <summary>What the option means without a value, or null when it needs one.</summary>
    public string? Bare => IsFlag ? "true" : _attribute.Bare;

    /// <summary>The text that means "not set", if there is one.</summary>
    public string? Unset => _attribute.Unset;

    /// <summary>Names of the values of an enum; empty for other types.</summary>
    public IReadOnlyList<string> Choices => ElementType.IsEnum ? WireNames.Of(ElementType) : [];

    /// <summary>Smallest number allowed.</summary>
    public double Minimum => _attribute.Minimum;

    /// <summary>Largest number allowed.</summary>
    public double Maximum => _attribute.Maximum;

    /// <summary>A number the value must exceed.</summary>
    public double Above => _attribute.Above;

    /// <summary>A number the value must stay under.</summary>
    public double Below => _attribute.Below;

    /// <summary>What the value is called in the help.</summary>
    public string Placeholder => _attribute.Placeholder
        ?? (Choices.Count > 0 ? string.Join('|', Choices)
            : IsFlag ? "true|false"
            : ElementType == typeof(int) || ElementType == typeof(long) ? "N"
            : ElementType == typeof(double) ? "X"
            : "TEXT");

    /// <summary>What is written at the place that the value names.</summary>
    public OutputKind Output => _attribute.Output;

    /// <summary>What is read from the place that the value names, with its article; null where nothing is.</summary>
    public string? Input => _attribute.Input;

    /// <summary>The range in words, or empty when any value goes.</summary>
    public string Range => string.Join(" and ", Bounds());

    /// <summary>Whether a number is in range.</summary>
    public bool Allows(double number) =>
        double.IsFinite(number) && number >= Minimum && number > Above && number <= Maximum && number < Below;

    /// <summary>Elements of the value in a tree that could not be written for it: numbers out of range.</summary>
    internal IEnumerable<object> OutOfRange(object root)
    {
        var value = Get(root);
        var elements = value is IDictionary mapping ? mapping.Values
            : value is IEnumerable several and not string ? several
            : new[] { value };
        return elements.OfType<object>().Where(element => element switch
        {
            double number => !Allows(number),
            int or long => !Allows(Convert.ToDouble(element, CultureInfo.InvariantCulture)),
            _ => false,
        });
    }

    /// <summary>Reads the value from a tree.</summary>
    public object? Get(object root) => _property.GetValue(_group is null ? root : _group.GetValue(root));

    private IEnumerable<string> Bounds()
    {
        if (double.IsFinite(Minimum))
            yield return $"at least {Minimum}";
        if (double.IsFinite(Above))
            yield return $"above {Above}";
        if (double.IsFinite(Maximum))
            yield return $"at most {Maximum}";
        if (double.IsFinite(Below))
            yield return $"below {Below}";
    }

    /// <summary>Writes the value into a tree under construction.</summary>
    internal void Set(object root, object? value) =>
        _property.SetValue(_group is null ? root : _group.GetValue(root), value);
}
