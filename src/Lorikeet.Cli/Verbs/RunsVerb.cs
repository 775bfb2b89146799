using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Runs;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Runs;

namespace Lorikeet.Cli.Verbs;

/// <summary>Looks at runs that were made: lists them, shows one, compares several, draws their curves.</summary>
internal sealed class RunsVerb : CatalogVerb
{
    private const string List = "ls";
    private const string Show = "show";
    private const string Compare = "compare";
    private const string Plot = "plot";

    private readonly Argument<string> _what = new("WHAT")
    { Description = "ls, show, compare or plot: what is done with the runs" };

    private readonly Argument<string[]> _runs = new("RUN")
    {
        Description = "Runs by name or folder; left out, show takes the newest, compare and plot all.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    public RunsVerb() : base(
        "runs", "List runs, show one, compare several, and draw their curves.", OptionCatalog.Of<RunsOptions>(),
        "Print JSON instead of tables.")
    {
        _what.AcceptOnlyFromAmong(List, Show, Compare, Plot);
        Add(_what);
        Add(_runs);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("all runs, the newest first", "runs ls"),
        ("the newest: its options, scores, answers and loss", "runs show"),
        ("what differs between two, and what came of it", "runs compare rank-8 rank-16"),
        ("their gradient norms as a picture", "runs plot rank-8 rank-16 --metric grad_norm --output norms.svg"),
    ];

    public override int Run(Invocation call)
    {
        var options = Bind(call, new RunsOptions());
        var names = call.Arguments.GetValue(_runs) ?? [];
        switch (call.Arguments.GetValue(_what))
        {
            case List:
                ListRuns(call, Find(options.Folder, names));
                break;
            case Show:
                foreach (var run in names.Length > 0 ? Find(options.Folder, names) : Required(options.Folder)[..1])
                    ShowRun(call, run);
                break;
            case Compare:
                CompareRuns(call, names.Length > 0 ? Find(options.Folder, names) : Required(options.Folder), options);
                break;
            default:
                PlotRuns(call, names.Length > 0 ? Find(options.Folder, names) : Required(options.Folder), options);
                break;
        }

        return 0;
    }

    private void ListRuns(Invocation call, IReadOnlyList<StoredRun> runs)
    {
        if (IsJson(call))
            Print(call, new JsonArray([.. runs.Select(run => (JsonNode)RunJson.Line(run))]));
        else if (runs.Count > 0)
            RunTables.List(call.Terminal.Data, runs);
        else
            call.Terminal.Error.WriteLine("There are no runs yet.");
    }

    private void ShowRun(Invocation call, StoredRun run)
    {
        if (IsJson(call))
        {
            Print(call, RunJson.Whole(run));
            return;
        }

        var console = call.Terminal.Data;
        RunTables.Facts(console, run);
        RunTables.Options(console, run);
        RunTables.Curves(console, RunCurve.Of(run, RunMetric.Loss));
        ScoreTable.Write(console, run.Record?.Scores ?? []);
        AnswerTable.Write(console, run.Record?.Answers ?? []);
        foreach (var problem in run.Problems)
            ErrorText.Write(call.Terminal.Talk, problem);
        var question = run.Record?.Answers.MinBy(answer => answer.Question.Length)?.Question ?? "Hello";
        if (!run.IsRunning && run.State is RunState.Finished or RunState.Interrupted)
        {
            NextSteps.Write(call.Terminal.Talk, ProgramName.In(NextCommands.Of(
                run.Folder, question, run.State == RunState.Finished, Directory.Exists(run.Folder.AdapterFolder))));
        }
    }

    private void CompareRuns(Invocation call, IReadOnlyList<StoredRun> runs, RunsOptions options)
    {
        if (IsJson(call))
        {
            Print(call, RunJson.Comparison(runs, options.Metric));
            return;
        }

        RunTables.Differences(call.Terminal.Data, runs);
        RunTables.Scores(call.Terminal.Data, runs);
        RunTables.Curves(call.Terminal.Data, [.. runs.SelectMany(run => RunCurve.Of(run, options.Metric))]);
    }

    private void PlotRuns(Invocation call, IReadOnlyList<StoredRun> runs, RunsOptions options)
    {
        var name = WireNames.Of(options.Metric).Replace('_', ' ');
        var curves = runs.Select(run => RunCurve.Of(run, options.Metric)).ToList();
        if (curves.All(run => run.Count == 0))
            throw new ConfigurationException($"None of the runs has measured '{name}' yet. Choose another 'metric'.");
        var title = runs is [var only] ? only.Name : $"{runs.Count} runs";
        RunChart.Write(options.Output, title, name, curves);
        if (IsJson(call))
            Print(call, new JsonObject { ["output"] = options.Output, ["runs"] = runs.Count });
        else
            call.Terminal.Error.WriteLine($"Wrote {options.Output}.");
    }

    private static IReadOnlyList<StoredRun> Find(string folder, string[] names) => names.Length == 0
        ? StoredRun.In(folder)
        : [.. names.Select(name => StoredRun.Read(
            Path.Combine(folder, name) is var inside && Directory.Exists(inside) ? inside : name))];

    private static StoredRun[] Required(string folder) => StoredRun.In(folder) is { Count: > 0 } runs
        ? [.. runs]
        : throw new ConfigurationException(
            $"'{folder}' holds no run. Name the folder that holds them with 'dir', or a run by its folder.");

    private static void Print(Invocation call, JsonNode json) =>
        call.Terminal.Out.WriteLine(json.ToJsonString(JsonFormats.Indented));
}
