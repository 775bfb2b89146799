using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Diagnosis;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;

namespace Lorikeet.Cli.Verbs;

/// <summary>Kills a run again and again, and compares its end with that of one that was left alone.</summary>
internal sealed class VerifyResumeVerb : CatalogVerb
{
    private const int Different = 1;

    private readonly Argument<string?> _configuration = new("run.yaml")
    {
        Description = "A YAML or JSON file with options; command-line options override it.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<int> _kills = new("--kills")
    {
        Description = "Processes that are killed, at random moments.",
        HelpName = "N",
        DefaultValueFactory = _ => 10,
    };

    public VerifyResumeVerb() : base(
        "verify-resume", "Kill a training again and again, and compare its result with that of one left alone.",
        OptionCatalog.Training, OneObject)
    {
        Add(_configuration);
        Add(_kills);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a run of yours, killed ten times", "verify-resume run.yaml --output trial"),
        ("the embedded model, saved every 5 steps, killed 100 times",
            "verify-resume assets/quickstart.yaml --max_steps 40 --save_steps 5 --kills 100 --output trial"),
    ];

    public override IReadOnlyList<string> Essentials { get; } =
        ["model", "dataset", "output", "max_steps", "save_steps", "seed", "device"];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, interruption) = call;
        var kills = arguments.GetValue(_kills);
        if (kills < 1)
            throw new ConfigurationException($"kills is {kills}; it must be at least 1.");
        var resolved = OptionsResolver.Resolve(arguments.GetValue(_configuration), Catalog.Read(arguments));
        var options = resolved.Options;
        if (options.Output.OutputDir is not { } folder)
            throw new ConfigurationException("The runs need a folder of their own. Give --output DIR.");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new ConfigurationException($"'{folder}' is not empty. Name another folder, or remove it.");
        interruption.FinishFirst("Ending the run under way.");
        var trial = new ResumeTrial(
            resolved, Path.GetFullPath(folder), options.Optimization.Seed, terminal.Error.WriteLine);
        var figures = trial.Run(kills, interruption.Token);
        terminal.Out.WriteLine(IsJson(call) ? JsonText.Indented(ToJson(figures)) : Describe(figures));
        return figures.Different == 0 ? 0 : Different;
    }

    private static string Describe(ResumeFigures figures) => figures.Different == 0
        ? $"passed: {figures.Kills} kills, {figures.Runs} runs to their end, all with SHA-256 {figures.Digest}"
        : $"FAILED: {figures.Different} of {figures.Runs} runs ended in other bytes than {figures.Digest}";

    private static JsonObject ToJson(ResumeFigures figures) => new()
    {
        ["passed"] = figures.Different == 0,
        ["kills"] = figures.Kills,
        ["runs"] = figures.Runs,
        ["different"] = figures.Different,
        ["sha256"] = figures.Digest,
    };
}
