using Lorikeet.Configuration;
using Lorikeet.Testing;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>An adapter of the embedded model, trained as <c>quickstart</c> trains it, once for all tests.</summary>
public sealed class QuickstartAdapter : IDisposable
{
    private const int FewSteps = 36;

    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<string> _short;
    private readonly Lazy<string> _whole;

    public QuickstartAdapter() => (_short, _whole) = (new(() => Train(FewSteps)), new(() => Train(null)));

    /// <summary>The folder of an adapter that was trained for a few seconds, and gets most answers right.</summary>
    public string Short => _short.Value;

    /// <summary>The folder of the quickstart's own, trained for a minute or two.</summary>
    public string Whole => _whole.Value;

    public void Dispose() => _folder.Dispose();

    private string Train(int? steps)
    {
        var assets = Path.Combine(TestAssets.Root, "assets");
        var resolved = OptionsResolver.Resolve(Path.Combine(assets, "quickstart.yaml"), []);
        var options = resolved.Options;
        var optimization = options.Optimization;
        if (steps is { } few)
            optimization = optimization with { MaxSteps = few, LearningRate = 3 * optimization.LearningRate };
        using var run = new TrainingRun(resolved.With(options with
        {
            Model = options.Model with { Model = TokenizerFolders.Nano, Device = "cpu" },
            Data = options.Data with
            {
                Datasets = [Path.Combine(assets, "facts-qa", "train.jsonl")],
                EvalDatasets = [],
            },
            Optimization = optimization,
            Output = options.Output with { OutputDir = _folder[$"run-{optimization.MaxSteps}"] },
        }));
        return run.Train().Output!;
    }
}
