using Lorikeet.Runs;
using Lorikeet.Training.Planning;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Lorikeet.Cli.Rendering;

/// <summary>What a run is about to do: model, trained parameters, data, steps.</summary>
internal static class RunHeader
{
    public static IReadOnlyList<IRenderable> Of(RunSummary summary)
    {
        var grid = new Grid { Expand = false }
            .AddColumn(new GridColumn().NoWrap().PadLeft(2).PadRight(2)).AddColumn(new GridColumn().PadLeft(0));
        Add("model", EventText.Model(summary));
        Add("trains", EventText.Trained(summary));
        Add("data", EventText.Data(summary));
        if (summary.Plan?.DataShape is { } shape)
            Add("shape", shape);
        if (summary.Plan?.FirstRow is { } row)
            Add("first row", row);
        Add("steps", EventText.Steps(summary));
        if (summary.Plan is { } plan)
            Add("plan", PlanText.Line(plan));
        return [new Padder(grid, new Padding(0, 1))];

        void Add(string name, string value) =>
            grid.AddRow(new Markup($"[dim]{name}[/]"), new Markup(value.EscapeMarkup()));
    }
}
