using System.Text.Json;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Spectre.Console;

namespace Lorikeet.Cli.Verbs;

/// <summary>Trains the runs of a sweep for the user at the console, and shows how they compare.</summary>
internal static class SweepOutcomes
{
    /// <summary>Trains and shows; the exit code.</summary>
    /// <param name="call">The call of the verb.</param>
    /// <param name="resolved">The runs.</param>
    /// <param name="asJson">Whether the result goes to standard output as JSON.</param>
    public static int Run(Invocation call, ResolvedSweep resolved, bool asJson)
    {
        var (_, terminal, interruption) = call;
        using var sweep = new Sweep(resolved) { NextCommands = NextCommands.After, Program = ProgramName.InFiles };
        interruption.FinishFirst("Finishing a step of every run and saving. Press Ctrl+C again to stop at once.");
        var result = sweep.Train(
            new SweepProgress(terminal.Talk, resolved.Common.Options.Output), interruption.Token);
        if (asJson)
            terminal.Out.WriteLine(ToJson(result));
        else
            Show(terminal, result);
        return result.IsInterrupted ? interruption.ExitCode : 0;
    }

    private static void Show(Terminal terminal, SweepResult result)
    {
        var table = Tables.Create([.. SweepTable.Heads(result)]);
        foreach (var row in SweepTable.Rows(result))
            table.AddRow([.. row.Select(cell => new Markup(cell.EscapeMarkup()))]);
        terminal.Data.Write(table);
        terminal.Error.WriteLine(
            $"{result.Runs.Count} runs {(result.IsTogether ? "together" : "one after the other")} in "
            + $"{Quantities.Duration(result.Seconds)}; compared in {Path.Combine(result.Folder, "sweep.html")}");
        if (result is { Best: { } best, Output: { } adapter })
            terminal.Error.WriteLine($"The best is {best.Name}; its adapter: {adapter}");
    }

    private static string ToJson(SweepResult result) => JsonSerializer.Serialize(
        new
        {
            Output = result.Folder,
            Adapter = result.Output,
            Best = result.Best?.Name,
            result.Seconds,
            Together = result.IsTogether,
            Runs = result.Runs.Select(run => new
            {
                run.Name,
                run.Values,
                Output = run.Folder.Folder,
                run.Failure,
                Reason = run.Result?.Training.Reason.ToString().ToLowerInvariant(),
                Steps = run.Result?.Training.Steps,
                TrainLoss = run.Result?.TrainLoss,
                EvalLoss = run.Result?.HeldOutLoss?.Tuned,
                Value = result.ValueOf(run),
            }),
        },
        JsonFormats.IndentedSnakeCase);
}
