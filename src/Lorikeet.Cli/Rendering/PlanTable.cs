using Lorikeet.Formats.Options;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Planning;
using Spectre.Console;
using static Lorikeet.Formats.Quantities;

namespace Lorikeet.Cli.Rendering;

/// <summary>A plan for people: what takes how much memory, what was chosen, how long it will take.</summary>
internal static class PlanTable
{
    public static void Write(IAnsiConsole console, RunPlan plan, ScalePlan? scale = null)
    {
        var table = Tables.Create("Memory", "Bytes", "Share");
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        foreach (var (name, bytes) in PlanText.Parts(plan.Memory))
            table.AddRow(name, Bytes(bytes), Percent((double)bytes / plan.Memory.Total));
        table.AddEmptyRow();
        table.AddRow("[bold]at most, together[/]", $"[bold]{Bytes(plan.Memory.Total)}[/]", "");
        if (plan.Memory.OffloadedToHost > 0)
            table.AddRow("in host memory instead", Bytes(plan.Memory.OffloadedToHost), "");
        if (plan.FreeBytes is { } free)
        {
            var (colour, fits) = plan.Memory.Total <= free ? ("green", "fits") : ("red", "does not fit");
            table.AddRow("free on this machine", Bytes(free), $"[{colour}]{fits}[/]");
        }

        console.Write(table);
        var grid = new Grid { Expand = false }
            .AddColumn(new GridColumn().NoWrap().PadLeft(1).PadRight(2)).AddColumn(new GridColumn().PadLeft(0));
        foreach (var (name, value) in Choices(plan).Concat(Times(plan)).Concat(Scale(scale)))
            grid.AddRow(new Markup($"[dim]{name}[/]"), new Markup(value.EscapeMarkup()));
        console.Write(grid);
        foreach (var note in plan.Notes)
            console.MarkupLine($"[blue]note[/] {note.EscapeMarkup()}");
    }

    private static IEnumerable<(string Name, string Value)> Choices(RunPlan plan)
    {
        yield return ("model", $"{plan.Model}, {Magnitude(plan.ModelParameters)} parameters, {plan.Device}"
            + (plan.IsOptimized ? "" : ", on the reference implementation"));
        yield return ("trains", $"{Magnitude(plan.TrainableParameters)} parameters");
        if (plan.DataShape is { } shape)
            yield return ("shape", shape);
        if (plan.FirstRow is { } row)
            yield return ("first row", row);
        var ranks = plan.Ranks > 1 ? $"{plan.Ranks} ranks × " : "";
        yield return ("step", $"{ranks}{plan.GradientAccumulation} × {plan.BatchSize} rows, "
            + $"{Count((long)plan.Batches.TokensPerStep)} tokens; "
            + $"the largest batch has {Count(plan.Batches.LargestBatch)}");
        yield return ("checkpointing", $"{WireNames.Of(plan.Checkpointing)}: {PlanText.Recomputed(plan)}");
        yield return ("logits", $"{Count(plan.Memory.LogitRows)} rows at once");
    }

    private static IEnumerable<(string Name, string Value)> Scale(ScalePlan? scale)
    {
        if (scale is null)
            yield break;
        yield return ("GPUs", $"{scale.Nodes} × {scale.GpusPerNode}, {Bytes(scale.BytesPerGpu)} each; a rank sends "
            + $"{Bytes((long)scale.SentPerStep)} a step");
        yield return ("together", $"about {Count((long)scale.TokensPerSecond)} tokens/s, "
            + $"{Percent(scale.Efficiency)} of {scale.Gpus} times one GPU");
    }

    private static IEnumerable<(string Name, string Value)> Times(RunPlan plan)
    {
        if (plan.Speed is not { } speed)
            yield break;
        yield return ("machine", $"{speed.GemmRate / 1e12:0.00} TFLOP/s in GEMMs, {speed.CopyRate / 1e9:0} GB/s in " +
            "copies, measured just now");
        yield return (
            "speed", $"about {Count((long)speed.TokensPerSecond)} tokens/s, {Duration(speed.StepSeconds)} a step");
        if (speed.RunSeconds is { } seconds)
            yield return ("time", $"{Count(plan.Batches.Steps!.Value)} steps in about {Duration(seconds)}, " +
                "evaluations not included");
    }
}
