using System.Globalization;
using System.Resources;
using Lorikeet.Configuration;
using Lorikeet.Runs;
using Lorikeet.Studio.Records;
using Lorikeet.Studio.Texts;
using Lorikeet.Studio.Views;
using Lorikeet.Studio.Work;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Studio.Tests;

/// <summary>What pages show, without a browser.</summary>
public sealed class ViewTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Words_AreTheSameInBothLanguages()
    {
        var (english, vietnamese) = (Texts("en"), Texts("vi"));

        Assert.Equal(english.Keys.Order(), vietnamese.Keys.Order());
        Assert.All(english, pair => Assert.Equal(Holes(pair.Value), Holes(vietnamese[pair.Key])));
    }

    [Fact]
    public void Grid_KeepsMeansAndGaps()
    {
        var steps = new Curve("loss", [.. Enumerable.Range(1, 400).Select(step => (step, 2.0 * step))]);
        var evaluations = new Curve("held out", [(0, 9.0), (400, double.NaN)]);

        var grid = Curve.Grid([steps, evaluations]);

        Assert.InRange(grid.Steps.Count, 100, Curve.MostPoints);
        Assert.Equal(400, grid.Steps[^1]);
        Assert.Equal(9.0, grid.Values[1][0]);
        Assert.Null(grid.Values[1][^1]);
        // Of the last three steps, 398 to 400, or fewer.
        Assert.InRange(grid.Values[0][^1]!.Value, 2 * 397, 2 * 400);
        Assert.Equal(2, Curve.Grid([steps with { Points = [] }, evaluations with { Points = [] }]).Values.Count);
    }

    [Theory]
    [InlineData(8.6, 10)]
    [InlineData(2e-4, 5e5)]
    [InlineData(640, 0.1)]
    [InlineData(0, 1)]
    public void Scale_IsRound(double largest, double expected) =>
        Assert.Equal(expected, Curve.ScaleOf(largest), tolerance: 1e-9 * expected);

    [Fact]
    public void Draft_SaysWhatItsYamlAndItsCommandSay()
    {
        var draft = Draft();
        Type(draft, "model", Path.Combine(TestAssets.Root, "assets", "nano-base"));
        Type(draft, "dataset", Path.Combine(TestAssets.Root, "assets", "facts-qa", "train.jsonl"));
        Type(draft, "learning_rate", "0.002");
        Type(draft, "lora_r", "16"); // the default, so nothing was changed
        draft.Name = "first";

        draft.Check();

        Assert.Null(draft.Fault);
        Assert.Contains("learning_rate: 0.002", draft.Yaml, StringComparison.Ordinal);
        Assert.DoesNotContain("lora_r", draft.Yaml, StringComparison.Ordinal);
        Assert.StartsWith("./lorikeet train", draft.Command, StringComparison.Ordinal);
        var file = _folder["run.yaml"];
        File.WriteAllText(file, draft.Yaml);
        Assert.Equal(0.002, OptionsResolver.Resolve(file, []).Options.Optimization.LearningRate);
    }

    [Fact]
    public void Draft_RefusesInTheLibrarysWords()
    {
        var draft = Draft();
        Type(draft, "lora_r", "-3");

        draft.Check();

        Assert.Contains("'lora_r' is '-3'", draft.Fault, StringComparison.Ordinal);
    }

    /// <summary>A run of the command line is one more row, and what is known of it outlives the studio.</summary>
    [Fact]
    public void Shelf_ShowsRunsOfTheCommandLine()
    {
        var places = Places();
        var run = new RunFolder(places.RunFolder("typed"));
        Directory.CreateDirectory(run.Folder);
        File.WriteAllText(run.OptionsFile, ResolvedOptions.FirstLineOfYaml + "\nmodel: some/base\ndataset: qa.jsonl\n");
        using (var log = new MetricsLog(run.MetricsFile))
        {
            log.Observe(new RunStarted(new RunSummary("some/base", 1, 1, 1, 1, 1, 1, 1, 1, 2, 0, "cpu")));
            log.Observe(new EvaluationCompleted(new EvaluationMetrics(0, 0, 3, 20, 1, 1, 1)));
            log.Observe(new StepCompleted(new StepMetrics(1, 0.5, 2.5, 1, 1e-4, 10, 5, 1000)));
        }

        using var queue = new RunQueue(places, new RunHistoryStore(places), TimeProvider.System);
        var shown = Assert.Single(new RunShelf(places, new RunHistoryStore(places), queue).All());

        Assert.Equal(("typed", RunStatus.Interrupted, 1, 2.5, 3.0, "some/base", "qa.jsonl"),
            (shown.Name, shown.Status, shown.Steps, shown.Loss, shown.BaseLoss, shown.Model, shown.Data));
        Assert.Equal(shown, Assert.Single(new RunHistoryStore(places).All()));
    }

    [Fact]
    public void Queue_KeepsWhatWaits_AndTakesItOut()
    {
        var places = Places();
        using var queue = new RunQueue(places, new RunHistoryStore(places), TimeProvider.System);
        var draft = Draft();
        Type(draft, "model", "some/base");
        Type(draft, "dataset", "qa.jsonl");
        draft.Check();

        queue.Add("later", draft.Options!);

        Assert.Throws<ConfigurationException>(() => queue.Add("later", draft.Options!));
        Assert.Throws<ConfigurationException>(() => queue.Add("../elsewhere", draft.Options!));
        var waiting = Assert.Single(new RunHistoryStore(places).All());
        Assert.Equal((RunStatus.Queued, "some/base"), (waiting.Status, waiting.Model));
        queue.Remove(waiting);
        Assert.Empty(new RunHistoryStore(places).All());
    }

    private StudioPlaces Places() => new(_folder["runs"], _folder.Path, null, "./lorikeet");

    private RunDraft Draft() => new(Places(), TimeProvider.System);

    private static void Type(RunDraft draft, string option, string text) =>
        draft.Set(OptionCatalog.Training.Find(option)!, text);

    private static Dictionary<string, string> Texts(string language)
    {
        var manager = new ResourceManager($"Lorikeet.Studio.Texts.Words.{language}", typeof(Words).Assembly);
        var texts = manager.GetResourceSet(CultureInfo.InvariantCulture, createIfNotExists: true, tryParents: false)!;
        return texts.Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string)entry.Value!);
    }

    private static int Holes(string text) => Enumerable.Range(0, 4).Count(
        hole => text.Contains(string.Create(CultureInfo.InvariantCulture, $"{{{hole}}}"), StringComparison.Ordinal));
}
