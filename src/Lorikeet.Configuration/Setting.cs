namespace Lorikeet.Configuration;

/// <summary>A value as the user wrote it, before its type is known.</summary>
public abstract record RawValue
{
    private RawValue() { }

    /// <summary>One text; null is YAML's null.</summary>
    public sealed record Scalar(string? Text) : RawValue;

    /// <summary>A list of texts.</summary>
    public sealed record Sequence(IReadOnlyList<string> Items) : RawValue
    {
        /// <summary>Whether each item is one element, commas and all, as in a list of YAML.</summary>
        public bool AreWhole { get; init; }
    }

    /// <summary>Named texts.</summary>
    public sealed record Mapping(IReadOnlyList<KeyValuePair<string, string>> Entries) : RawValue;

    /// <summary>The value on one line, for messages.</summary>
    public string Display => this switch
    {
        Scalar scalar => scalar.Text ?? "null",
        Sequence sequence => string.Join(",", sequence.Items),
        Mapping mapping => string.Join(",", mapping.Entries.Select(entry => $"{entry.Key}={entry.Value}")),
        _ => "",
    };
}

/// <summary>Where a value came from; later members override earlier ones.</summary>
public enum OptionSource
{
    /// <summary>The options tree itself: preset recommended.</summary>
    Default,

    /// <summary>Another preset.</summary>
    Preset,

    /// <summary>An environment variable.</summary>
    Environment,

    /// <summary>A YAML or JSON file.</summary>
    File,

    /// <summary>The command line.</summary>
    CommandLine,

    /// <summary>A program that made the options itself.</summary>
    Code,
}

/// <summary>Where one value came from.</summary>
/// <param name="Source">The kind of place.</param>
/// <param name="Text">For people: "default", "run.yaml:14", "command line".</param>
public sealed record OptionOrigin(OptionSource Source, string Text)
{
    /// <summary>The options tree's own value.</summary>
    public static OptionOrigin Default { get; } = new(OptionSource.Default, "default");

    /// <summary>An argument of the process.</summary>
    public static OptionOrigin CommandLine { get; } = new(OptionSource.CommandLine, "command line");

    /// <summary>Whether a person wrote the value for this run.</summary>
    public bool IsExplicit => Source is OptionSource.File or OptionSource.CommandLine or OptionSource.Code;

    /// <summary>
    /// How a message about <paramref name="name"/> begins: "--lora_r", "run.yaml:14: 'lora_r'", "'lora_r'".
    /// </summary>
    public string Speak(string name) => Source switch
    {
        OptionSource.CommandLine => "--" + name,
        OptionSource.Default => name,
        OptionSource.Code => $"'{name}'",
        _ => $"{Text}: '{name}'",
    };
}

/// <summary>One name with its value, as written somewhere.</summary>
/// <param name="Name">Name of an option, - or _.</param>
/// <param name="Value">The value.</param>
/// <param name="Origin">The place.</param>
public sealed record Setting(string Name, RawValue Value, OptionOrigin Origin)
{
    /// <summary>The name as the user wrote it, where that is another tool's.</summary>
    public string Spelled { get; init; } = Name;

    /// <summary>The setting as a message names it.</summary>
    public string Spoken => Origin.Speak(Spelled);
}
