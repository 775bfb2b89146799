using System.Globalization;
using Lorikeet.Cli.Rendering;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Runs;
using Spectre.Console;
using static Lorikeet.Formats.Quantities;

namespace Lorikeet.Cli.Runs;

/// <summary>Runs as tables.</summary>
internal static class RunTables
{
    private const int CurveWidth = 40;
    private const int LongestValue = 60;

    /// <summary>What a run does or did, in a word.</summary>
    public static string StateOf(StoredRun run) =>
        run.IsRunning ? "running" : run.State == RunState.Empty ? "no step" : WireNames.Of(run.State);

    /// <summary>A run a line.</summary>
    public static void List(IAnsiConsole console, IReadOnlyList<StoredRun> runs)
    {
        var table = Tables.Create("Run", "State", "Steps", "Loss", "Held out", "Started", "Model");
        foreach (var column in table.Columns.Skip(2).Take(3))
            column.RightAligned();
        foreach (var run in runs)
        {
            var history = run.History;
            table.AddRow(
                run.Name.EscapeMarkup(), StateOf(run), Steps(run),
                history.SmoothedLoss() is [.., var last] ? Loss(last.Loss) : "–",
                history.Evaluations is [.., var scored] ? Loss(scored.Loss) : "–",
                run.Started.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
                Cut(run.Record?.Summary.Model ?? run.Options?.Model.Model ?? "–"));
        }

        console.Write(table);
    }

    /// <summary>What is known of one run.</summary>
    public static void Facts(IAnsiConsole console, StoredRun run)
    {
        var table = Tables.Create("", run.Name).HideHeaders();
        foreach (var (name, value) in FactsOf(run))
            table.AddRow($"[dim]{name}[/]", value.EscapeMarkup());
        console.Write(table);
    }

    /// <summary>The options of a run that are not the defaults.</summary>
    public static void Options(IAnsiConsole console, StoredRun run)
    {
        var changed = run.ChangedOptions();
        if (changed.Count == 0)
            return;
        var table = Tables.Create("Option", "Value");
        foreach (var (name, value) in changed)
            table.AddRow(name.EscapeMarkup(), Cut(value));
        console.Write(table);
    }

    /// <summary>The options in which runs differ, a column a run.</summary>
    public static void Differences(IAnsiConsole console, IReadOnlyList<StoredRun> runs)
    {
        var table = Tables.Create(["Option", .. runs.Select(run => run.Name)]);
        foreach (var (name, values) in StoredRun.Differences(runs))
            table.AddRow([name.EscapeMarkup(), .. values.Select(value => Cut(value ?? "–"))]);
        if (table.Rows.Count == 0)
            table.AddRow("[dim]no option differs[/]");
        console.Write(table);
    }

    /// <summary>Scores of runs, a column a run; the base's stand first where they were measured.</summary>
    public static void Scores(IAnsiConsole console, IReadOnlyList<StoredRun> runs)
    {
        var names = runs.SelectMany(run => run.Record?.Scores ?? []).Select(score => score.Name).Distinct().ToList();
        if (names.Count == 0)
            return;
        var table = Tables.Create(["Score", .. runs.Select(run => run.Name)]);
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        foreach (var name in names)
        {
            table.AddRow([name.EscapeMarkup(), .. runs.Select(run =>
                run.Record?.Scores.FirstOrDefault(score => score.Name == name) is { } score
                    ? (score.Base is { } before ? $"[dim]{score.Show(before)} →[/] " : "") + score.Show(score.Tuned)
                    : "–")]);
        }

        console.Write(table);
    }

    /// <summary>Curves over one scale, with their first, lowest and last values.</summary>
    public static void Curves(IAnsiConsole console, IReadOnlyList<RunCurve> curves)
    {
        if (curves.Count == 0)
            return;
        var values = curves.SelectMany(curve => curve.Values).ToList();
        var range = (values.Min(), values.Max());
        var table = Tables.Create("Curve", "", "First", "Lowest", "Last");
        foreach (var column in table.Columns.Skip(2))
            column.RightAligned();
        foreach (var curve in curves)
        {
            table.AddRow(
                curve.Name.EscapeMarkup(), Sparkline.Of(curve.Values, CurveWidth, range), Number(curve.Values[0]),
                Number(curve.Values.Min()), Number(curve.Values[^1]));
        }

        console.Write(table);
    }

    private static IEnumerable<(string Name, string Value)> FactsOf(StoredRun run)
    {
        yield return ("run", run.Name);
        yield return ("state", StateOf(run));
        yield return ("started", run.Started.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture));
        yield return ("steps", Steps(run));
        if (run.Record is { } record)
        {
            yield return ("model", EventText.Model(record.Summary));
            yield return ("trained", EventText.Trained(record.Summary));
            yield return ("data", $"{record.Dataset}: {EventText.Data(record.Summary)}");
            yield return ("machine", record.Machine);
        }

        if (run.History.Result is { } result)
            yield return ("time", Duration(result.Seconds));
        if (run.History.TokensPerSecond is { } speed)
            yield return ("tokens/s", Count((long)speed));
        if (run.History.Steps is [.., var last])
            yield return ("peak memory", Bytes(last.PeakMemoryBytes));
        yield return ("folder", run.Folder.Folder);
    }

    private static string Steps(StoredRun run) =>
        Count(run.History.Steps is [.., var last] ? last.Step : 0)
        + (run.TotalSteps is { } total ? $" of {Count(total)}" : "");

    private static string Number(double value) =>
        Math.Abs(value) is >= 0.01 and < 1000 ? Loss(value) : value.ToString("G3", CultureInfo.InvariantCulture);

    private static string Cut(string text) => VisibleText.InOneLine(text, LongestValue).EscapeMarkup();
}
