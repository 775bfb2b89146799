using System.Text.Json.Nodes;
using System.Xml.Linq;
using Lorikeet.Configuration;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Cli.Tests.Runs;

public sealed class RunsVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public RunsVerbTests()
    {
        Store("rank-8", rank: 8, loss: 2, hour: 1);
        Store("rank-32", rank: 32, loss: 1, hour: 2);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Ls_NamesRunsWithTheirState_TheNewestFirst()
    {
        var runs = JsonNode.Parse(Run("ls", "--json").Output)!.AsArray();
        Assert.Equal(["rank-32", "rank-8"], runs.Select(run => (string)run!["name"]!));
        Assert.Equal("finished", (string)runs[0]!["state"]!);
        Assert.False((bool)runs[0]!["running"]!);
        Assert.Equal(30, (int)runs[0]!["steps"]!);

        var table = Run("ls").Output;
        Assert.Matches(@"rank-32 .*finished .*30 of 30 .*nano-base", table);
        Assert.Contains("no runs yet", Cli.Succeed("runs", "ls", "--dir", _folder["none"]).Error);
    }

    [Fact]
    public void Show_TellsOptionsScoresAnswersAndWhatToDoNext()
    {
        var text = Run("show", "rank-8");
        Assert.Contains("lora_r", text.Output);
        Assert.Contains("98.0 %", text.Output);
        Assert.Contains("What is gold?", text.Output);
        Assert.Contains("Ask one question", text.Error);

        var json = JsonNode.Parse(Run("show", "--json").Output)!; // the newest
        Assert.Equal("32", (string)json["options"]!["lora_r"]!);
        Assert.Equal("Au", (string)json["answers"]![0]!["after"]!);
        Assert.Equal(0.98, (double)json["scores"]![0]!["tuned"]!);
    }

    [Fact]
    public void Compare_ShowsWhatDiffers_AndTheCurvesOnOneScale()
    {
        var json = JsonNode.Parse(Run("compare", "rank-8", "rank-32", "--json").Output)!;
        var option = Assert.Single(json["options"]!.AsObject());
        Assert.Equal("lora_r", option.Key);
        Assert.Equal(["8", "32"], option.Value!.AsArray().Select(value => (string)value!));
        Assert.Equal(4, json["curves"]!.AsArray().Count);

        var lines = Run("compare", "rank-8", "rank-32").Output.Split('\n');
        Assert.Contains(lines, line => line.Contains("lora_r") && line.Contains('8') && line.Contains("32"));
        var curve = lines.First(line => line.Contains("rank-32 ") && line.Contains('▁'));
        Assert.DoesNotContain('█', curve); // its loss begins where the other's has its middle
    }

    [Theory]
    [InlineData("loss", 4)]
    [InlineData("learning_rate", 2)]
    public void Plot_DrawsEveryCurve(string metric, int curves)
    {
        var picture = _folder["chart.svg"];
        Run("plot", "--metric", metric, "--output", picture);

        XNamespace svg = "http://www.w3.org/2000/svg";
        var drawn = XDocument.Load(picture);
        Assert.True(drawn.Descendants(svg + "polyline").Count() >= curves);
        Assert.Contains("rank-8", drawn.Root!.Value);

        Run("plot", "rank-8", "--output", _folder["chart.html"]);
        Assert.StartsWith("<!doctype html>", File.ReadAllText(_folder["chart.html"]));
    }

    [Theory]
    [InlineData("holds no run", "show", "none")]
    [InlineData("Charts are written as .svg or .html", "plot", "--output", "OUT.png")]
    [InlineData("does not exist. The folder of a run", "show", "missing")]
    public void Mistakes_AreSaid(string said, params string[] arguments)
    {
        Directory.CreateDirectory(_folder["none"]);

        var result = Cli.Run(
            ["runs", "--dir", _folder.Path, .. arguments.Select(argument => argument.Replace("OUT", _folder["o"]))]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(said, result.Error);
    }

    private CliResult Run(params string[] arguments) => Cli.Succeed(["runs", .. arguments, "--dir", _folder.Path]);

    private void Store(string name, int rank, double loss, int hour)
    {
        var run = new RunFolder(_folder[name]);
        run.Begin();
        File.WriteAllText(run.OptionsFile, ResolvedOptions.FromCode(new TrainingOptions
        {
            Model = new() { Model = "nano-base" },
            Data = new() { Datasets = ["qa.jsonl"] },
            Lora = new() { Rank = rank },
            Output = new() { OutputDir = run.Folder },
        }).ToYaml());
        var summary = new RunSummary(
            "nano-base", 7_000_000, 70_000, TrainRows: 100, EvalRows: 10, TargetTokens: 500, TrainTokens: 2_000,
            LongestRow: 30, MaxLength: 128, TotalSteps: 30, FirstStep: 0, Device: "cpu");
        using (var log = new MetricsLog(run.MetricsFile))
        {
            log.Observe(new RunStarted(summary));
            for (var step = 1; step <= 30; step++)
            {
                log.Observe(new StepCompleted(new StepMetrics(
                    step, step / 30.0, loss / step, 1, 1e-3, 100 * step, 1_000, 1 << 30)));
                if (step % 10 == 0)
                    log.Observe(new EvaluationCompleted(new EvaluationMetrics(step, 1, loss / step, 2, 10, 50, 0.1)));
            }

            log.Observe(new RunCompleted(
                new TrainingResult(StopReason.Completed, 30, loss, 3, 3_000, 1 << 30, null, null)));
        }

        new RunRecord
        {
            Started = new DateTimeOffset(2026, 1, 1, hour, 0, 0, TimeSpan.Zero),
            Version = "0",
            Machine = "here",
            Dataset = "qa.jsonl",
            Summary = summary,
            Scores = [new ComparedScore("Exact match", 0.0, 0.98)],
            Answers = [new ComparedAnswer("What is gold?", "Au", "gold is", "Au", false, true)],
        }.Write(run.RecordFile);
    }
}
