using System.CommandLine;
using System.Text.Json;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Jobs;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verbs;

/// <summary>
/// The main job on the embedded model and data: a base that has read facts but cannot answer learns to answer questions
/// about entities it was never asked about.
/// </summary>
internal sealed class QuickstartVerb : CatalogVerb
{
    private const string Overwrite = "overwrite_output_dir";
    private const string Resume = "resume_from_checkpoint";

    private readonly Lazy<ResolvedOptions> _settings = new(() => OptionsResolver.Resolve(SettingsFile(), []));

    public QuickstartVerb() : base(
        "quickstart", "Fine-tune the embedded model with QLoRA and compare its answers before and after.",
        OptionCatalog.Training, OneObject)
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("the whole job, in about a minute", "quickstart"),
        ("the figures alone", "quickstart --json"),
        ("go on after Ctrl+C: the same command", "quickstart"),
    ];

    public override IReadOnlyList<string> Essentials { get; } =
        ["output", "max_steps", "learning_rate", "lora_r", "seed", "overwrite_output_dir", "progress"];

    public override string DefaultOf(OptionDefinition option) => option.TextIn(_settings.Value.Options);

    public override int Run(Invocation call)
    {
        var (arguments, terminal, interruption) = call;
        var resolved = Resolve(Catalog.Read(arguments));
        using var display = ProgressDisplay.Create(
            resolved.Options.Output.Progress, terminal.Talk, resolved.Options.Output.LoggingSteps, TimeProvider.System);
        using var telemetry = TelemetryExport.FromEnvironment();
        using var run = new TrainingRun(resolved)
        {
            Comparison = new AnswerComparison { GroupOf = new QuestionLanguages().Of },
            NextCommands = NextCommands.After,
            Program = ProgramName.InFiles,
        };
        var result = RunOutcome.Train(run, SavingPhases.Watch(call, display), interruption.Token);
        display.Dispose();
        if (result.IsInterrupted)
        {
            var again = new NextCommand(CommandPurpose.Resume, $"{ProgramName.InFiles} {Again(arguments)}");
            NextSteps.Write(terminal.Talk, ProgramName.In([again]));
            return interruption.ExitCode;
        }

        if (IsJson(call))
            terminal.Out.WriteLine(ToJson(result));
        else
            RunOutcome.Show(terminal, result);
        return 0;
    }

    /// <summary>
    /// The options; where an earlier quickstart was interrupted, the same command goes on with it, and only a finished
    /// one is replaced.
    /// </summary>
    private ResolvedOptions Resolve(IReadOnlyList<Setting> given)
    {
        var file = SettingsFile();
        var keeps = new Setting(Overwrite, new RawValue.Scalar("false"), OptionOrigin.CommandLine);
        if (Gives(given, Resume))
            return Embedded(file, Gives(given, Overwrite) ? given : [.. given, keeps]);
        var resolved = Embedded(file, given);
        var run = new RunFolder(resolved.Options.Output.OutputDir!);
        if (Gives(given, Overwrite) || run.State() != RunState.Interrupted || run.Checkpoints.Latest() is null)
            return resolved;
        return Embedded(
            file, [.. given, keeps, new Setting(Resume, new RawValue.Scalar("latest"), OptionOrigin.CommandLine)]);
    }

    private static string SettingsFile() => EmbeddedFiles.Find("assets", "quickstart.yaml");

    private bool Gives(IReadOnlyList<Setting> given, string option) =>
        given.Any(setting => Catalog.Catalog.Find(setting.Name)?.Name == option);

    private static ResolvedOptions Embedded(string file, IReadOnlyList<Setting> given)
    {
        var resolved = OptionsResolver.Resolve(file, given);
        return resolved.With(WithEmbeddedPaths(resolved.Options));
    }

    /// <summary>The command as it was typed, for the next time.</summary>
    private static string Again(ParseResult arguments) =>
        string.Join(' ', arguments.Tokens.Select(token => token.Value));

    private static TrainingOptions WithEmbeddedPaths(TrainingOptions options) => options with
    {
        Model = options.Model with { Model = EmbeddedFiles.Locate(options.Model.Model) },
        Data = options.Data with
        {
            Datasets = [.. options.Data.Datasets.Select(EmbeddedFiles.Locate)],
            EvalDatasets = [.. options.Data.EvalDatasets.Select(EmbeddedFiles.Locate)],
        },
    };

    private static string ToJson(RunResult result)
    {
        double? Tuned(string name) => result.Scores.FirstOrDefault(score => score.Name == name)?.Tuned;
        return JsonSerializer.Serialize(
            new
            {
                questions = result.Questions,
                base_exact_match = result.Scores[0].Base,
                tuned_exact_match = result.Scores[0].Tuned,
                tuned_exact_match_en = Tuned($"Exact match, {QuestionLanguages.English}"),
                tuned_exact_match_vi = Tuned($"Exact match, {QuestionLanguages.Vietnamese}"),
                training_seconds = result.Training.Seconds,
                output = result.Folder.Folder,
            },
            JsonFormats.Indented);
    }
}
