using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Data.Encoded;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Jobs;
using Lorikeet.Models.Evaluation;
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
    private const int ShownAnswers = 8;
    private const string Overwrite = "overwrite_output_dir";
    private const string Resume = "resume_from_checkpoint";

    private readonly Lazy<ResolvedOptions> _settings = new(() => OptionsResolver.Resolve(SettingsFile(), []));

    public QuickstartVerb() : base(
        "quickstart", "Fine-tune the embedded model with QLoRA and compare its answers before and after.", OptionCatalog.Training, OneObject)
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
        using var tuning = new FineTuning(resolved, SavingPhases.Watch(call, display), TimeProvider.System);
        var questions = tuning.Data.Questions.ToList();

        List<int[]> prompts = [.. questions.Select(question => question.PromptIds)];
        var before = tuning.Ask("Asking the base", prompts, interruption.Token);
        var result = tuning.Train(interruption.Token);
        if (result.Reason == StopReason.Interrupted)
        {
            display.Dispose();
            var again = new NextCommand(CommandPurpose.Resume, $"{NextCommands.Program} {Again(arguments)}");
            NextSteps.Write(terminal.Talk, ProgramName.In([again]));
            return interruption.ExitCode;
        }

        var after = tuning.Ask("Asking the tuned model", prompts, interruption.Token);
        Compare(tuning, questions, before, after);
        tuning.Report(result);
        display.Dispose();

        if (IsJson(call))
            terminal.Out.WriteLine(ToJson(tuning, questions.Count, result));
        else
            Show(terminal, tuning, result);
        return 0;
    }

    /// <summary>
    /// The options; where an earlier quickstart was interrupted, the same command goes on with it, and only a finished one
    /// is replaced.
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
        return Embedded(file, [.. given, keeps, new Setting(Resume, new RawValue.Scalar("latest"), OptionOrigin.CommandLine)]);
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
    private static string Again(ParseResult arguments) => string.Join(' ', arguments.Tokens.Select(token => token.Value));

    private static TrainingOptions WithEmbeddedPaths(TrainingOptions options) => options with
    {
        Model = options.Model with { Model = EmbeddedFiles.Locate(options.Model.Model) },
        Data = options.Data with
        {
            Datasets = [.. options.Data.Datasets.Select(EmbeddedFiles.Locate)],
            EvalDatasets = [.. options.Data.EvalDatasets.Select(EmbeddedFiles.Locate)],
        },
    };

    private static void Compare(
        FineTuning tuning, List<Question> questions, IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        var languages = Languages(questions);
        void Add(string name, Func<int, bool> belongs)
        {
            var rows = Enumerable.Range(0, questions.Count).Where(belongs).ToList();
            List<Question> asked = [.. rows.Select(row => questions[row])];
            tuning.Scores.Add(new ComparedScore(
                name,
                QuestionAnswering.ExactMatch(asked, [.. rows.Select(row => before[row])]),
                QuestionAnswering.ExactMatch(asked, [.. rows.Select(row => after[row])])));
        }

        Add("Exact match", _ => true);
        Add("Exact match, English", row => languages[row] == "en");
        Add("Exact match, Vietnamese", row => languages[row] == "vi");
        foreach (var row in Enumerable.Range(0, questions.Count).Take(ShownAnswers))
        {
            var question = questions[row];
            tuning.Answers.Add(new ComparedAnswer(
                question.Text, question.Answers[0], before[row], after[row],
                SquadMetrics.ExactMatch(before[row], [.. question.Answers]), SquadMetrics.ExactMatch(after[row], [.. question.Answers])));
        }
    }

    /// <summary>The language that the data names for each question.</summary>
    private static List<string?> Languages(List<Question> questions)
    {
        var lines = questions.Select(question => question.Origin.File).Distinct()
            .ToDictionary(file => file, file => File.ReadAllLines(EmbeddedFiles.Locate(file)));
        return [.. questions.Select(question =>
            JsonNode.Parse(lines[question.Origin.File][(int)question.Origin.Number - 1])!["language"]?.GetValue<string>())];
    }

    private static string ToJson(FineTuning tuning, int questions, RunResult result) => JsonSerializer.Serialize(
        new
        {
            questions,
            base_exact_match = tuning.Scores[0].Base,
            tuned_exact_match = tuning.Scores[0].Tuned,
            tuned_exact_match_en = tuning.Scores[1].Tuned,
            tuned_exact_match_vi = tuning.Scores[2].Tuned,
            training_seconds = result.Seconds,
            output = tuning.Run.Folder,
        },
        JsonFormats.Indented);

    private static void Show(Terminal terminal, FineTuning tuning, RunResult result)
    {
        AnswerTable.Write(terminal.Data, tuning.Answers);
        ScoreTable.Write(terminal.Data, tuning.AllScores);
        NextSteps.Write(terminal.Talk, ProgramName.In(tuning.NextCommandsAfter(result)));
    }
}
