using System.Globalization;
using System.Text;
using Lorikeet.Training;

namespace Lorikeet.Configuration;

/// <summary>The options of a run with the origin of every value.</summary>
public sealed class ResolvedOptions
{
    /// <summary>
    /// The first line of what <see cref="ToYaml"/> writes, by which a folder is known as that of a run.
    /// </summary>
    public const string FirstLineOfYaml = "# Every option of this run, and where its value came from.";

    private const int CommentColumn = 48;
    private readonly Func<OptionDefinition, OptionOrigin> _originOf;

    internal ResolvedOptions(
        TrainingOptions options, Func<OptionDefinition, OptionOrigin> originOf, IReadOnlyList<string> warnings,
        IReadOnlyList<string> notes)
    {
        (Options, _originOf, Warnings, Notes) = (options, originOf, warnings, notes);
    }

    /// <summary>The options.</summary>
    public TrainingOptions Options { get; }

    /// <summary>What the user may intend but should know, such as settings without effect.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>What the preset keeps and what it fixes.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>
    /// Options made in code, checked as written ones are; values that differ from the defaults have the origin "code".
    /// </summary>
    /// <param name="options">The options.</param>
    /// <param name="needsData">Whether a dataset has to be named.</param>
    /// <returns>Them, with what their author should know among the <see cref="Warnings"/>.</returns>
    /// <exception cref="ConfigurationException">
    /// Something is out of range, is missing or contradicts; the message lists all of it.
    /// </exception>
    public static ResolvedOptions FromCode(TrainingOptions options, bool needsData = true)
    {
        var code = new OptionOrigin(OptionSource.Code, "code");
        var check = new OptionsCheck(options, name => Origin(OptionCatalog.Training.Find(name)!), needsData);
        check.Run();
        OptionBinder.ThrowIfWrong(check.Problems);
        return new ResolvedOptions(options, Origin, check.Warnings, []);

        OptionOrigin Origin(OptionDefinition option) =>
            OptionValueWriter.ToYaml(option.Get(options)) == option.DefaultText ? OptionOrigin.Default : code;
    }

    /// <summary>Where the value of an option comes from.</summary>
    /// <param name="name">Any name of the option.</param>
    public OptionOrigin OriginOf(string name) => OptionCatalog.Training.Find(name) is { } option
        ? _originOf(option)
        : throw new ArgumentException($"'{name}' is not an option.", nameof(name));

    /// <summary>
    /// Looks at every place that the options name for results, before any work is done; what is called in code should
    /// do so too, as nothing else keeps a run from writing over its own input.
    /// </summary>
    /// <exception cref="LorikeetException">A place cannot be written, or is one that is read.</exception>
    public void RequirePlaces() => PlaceCheck.Run(OptionCatalog.Training, Options, name => OriginOf(name).Speak(name));

    /// <summary>The same origins for options that were completed since, such as a run's name that was chosen.</summary>
    public ResolvedOptions With(TrainingOptions options) => new(options, _originOf, Warnings, Notes);

    /// <summary>The same options with one more thing to know.</summary>
    public ResolvedOptions WithWarning(string warning) => new(Options, _originOf, [.. Warnings, warning], Notes);

    /// <summary>The same options with one more note.</summary>
    internal ResolvedOptions WithNote(string note) => new(Options, _originOf, Warnings, [.. Notes, note]);

    /// <summary>
    /// The options that are not Lorikeet's defaults, a line each with its origin behind it; it is a run.yaml too.
    /// </summary>
    public string ToShortYaml() => string.Join('\n', OptionCatalog.Training.Options
        .Where(option => _originOf(option).Source != OptionSource.Default)
        .Select(option => $"{option.Name}: {OptionValueWriter.ToYaml(option.Get(Options))}".PadRight(CommentColumn - 1)
            + $" # {_originOf(option).Text}"));

    /// <summary>
    /// All options as run.yaml, a line each with its origin behind it; it reads back as the same. Where the environment
    /// says libtorch lies is a matter of this machine and stays out of it.
    /// </summary>
    public string ToYaml()
    {
        var catalog = OptionCatalog.Training;
        var yaml = new StringBuilder(FirstLineOfYaml + "\n");
        foreach (var group in catalog.Groups)
        {
            yaml.Append(CultureInfo.InvariantCulture, $"\n# {group.Title}: {group.Summary}\n");
            foreach (var option in catalog.Options.Where(option => option.Group == group.Name))
            {
                var isOfMachine = option.Name == "libtorch" && _originOf(option).Source == OptionSource.Environment;
                var value = isOfMachine ? null : option.Get(Options);
                var line = $"{option.Name}: {OptionValueWriter.ToYaml(value)}";
                yaml.Append(line.PadRight(CommentColumn - 1))
                    .Append(CultureInfo.InvariantCulture, $" # {_originOf(option).Text}\n");
            }
        }

        return yaml.ToString();
    }
}
