namespace Lorikeet.Formats.Options;

/// <summary>
/// Gives a property its name outside of C#: on the command line, in YAML and JSON. The property's own documentation is
/// the help: <c>summary</c> says what it does, <c>value</c> why the default is what it is.
/// </summary>
/// <param name="name">Canonical snake_case name, the one Hugging Face users know where there is one.</param>
/// <param name="aliases">
/// Other names for the same value with the same meaning; none for an option that several commands have, whose names
/// stand in one table.
/// </param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute(string name, params string[] aliases) : Attribute
{
    /// <summary>Canonical snake_case name.</summary>
    public string Name { get; } = name;

    /// <summary>Other names with the same meaning.</summary>
    public IReadOnlyList<string> Aliases => Apart is null ? [.. OptionAliases.Of(Name), .. Own] : Own;

    /// <summary>
    /// Why an option has other names than those of the same name of other commands; null where it has the same.
    /// </summary>
    public string? Apart { get; init; }

    /// <summary>The names that stand in the attribute.</summary>
    internal IReadOnlyList<string> Own { get; } = aliases;

    /// <summary>Smallest number allowed.</summary>
    public double Minimum { get; init; } = double.NegativeInfinity;

    /// <summary>Largest number allowed.</summary>
    public double Maximum { get; init; } = double.PositiveInfinity;

    /// <summary>A number the value must exceed, for ranges that are open below.</summary>
    public double Above { get; init; } = double.NegativeInfinity;

    /// <summary>A number the value must stay under, for ranges that are open above.</summary>
    public double Below { get; init; } = double.PositiveInfinity;

    /// <summary>A text that means "not set", such as the -1 of <c>max_steps</c>.</summary>
    public string? Unset { get; init; }

    /// <summary>What the name alone means, where a value may be left out; true means the same.</summary>
    public string? Bare { get; init; }

    /// <summary>Whether a comma is part of the text rather than a separator of a list's elements.</summary>
    public bool Verbatim { get; init; }

    /// <summary>What the value is called in the help, such as FILE.</summary>
    public string? Placeholder { get; init; }

    /// <summary>What is written at the place that the value names; it is checked before any work is done.</summary>
    public OutputKind Output { get; init; }

    /// <summary>
    /// What is read from the place that the value names, with its article; no output may overwrite it.
    /// </summary>
    public string? Input { get; init; }
}

/// <summary>What an option's value is the place of.</summary>
public enum OutputKind
{
    /// <summary>Nothing is written there.</summary>
    None,

    /// <summary>A file.</summary>
    File,

    /// <summary>A folder in which files are written.</summary>
    Folder,

    /// <summary>A folder that takes the place of one that is there.</summary>
    NewFolder,

    /// <summary>A file or a new folder, as another argument decides.</summary>
    FileOrNewFolder,
}

/// <summary>
/// Names of an enum member in options and files, where snake_case of its C# name is not what users write.
/// </summary>
/// <param name="name">Canonical name.</param>
/// <param name="aliases">Other names with the same meaning.</param>
[AttributeUsage(AttributeTargets.Field)]
public sealed class WireNameAttribute(string name, params string[] aliases) : Attribute
{
    /// <summary>Canonical name.</summary>
    public string Name { get; } = name;

    /// <summary>Other names with the same meaning.</summary>
    public IReadOnlyList<string> Aliases { get; } = aliases;
}
