using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Runs;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Runs;

namespace Lorikeet.Cli.Verbs;

/// <summary>Writes a run.yaml that says what each of its lines means: asks for what is missing where it can.</summary>
internal sealed class InitVerb : CatalogVerb
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The file to write; run.yaml when left out.",
        Arity = ArgumentArity.ZeroOrOne,
        DefaultValueFactory = _ => "run.yaml",
    };

    private readonly Option<bool> _yes = new("--yes", "-y")
    {
        Description = "Ask nothing: take the defaults for what is not given.",
    };

    private readonly Option<bool> _force = new("--force")
    {
        Description = "Replace the file if it is there.",
    };

    public InitVerb() : base(
        "init", "Write a run.yaml with comments, by a few questions or from options.", OptionCatalog.Training,
        OneObject)
    {
        Add(_file);
        Add(_yes);
        Add(_force);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("by a few questions", "init"),
        ("without questions",
            "init --model TinyLlama/TinyLlama-1.1B-Chat-v1.0 --dataset qa.jsonl --load_in_4bit --yes"),
        ("with another name", "init tinyllama.yaml"),
    ];

    public override IReadOnlyList<string> Essentials =>
        ["model", "dataset", "test_size", "load_in_4bit", "num_train_epochs", "output"];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, _) = call;
        var file = arguments.GetValue(_file)!;
        if (Path.Exists(file) && !arguments.GetValue(_force))
        {
            throw new ConfigurationException(
                $"'{file}' is there already, and stays. Name another file, or replace it with 'force'.");
        }

        var given = Catalog.Read(arguments);
        var canAsk = terminal is { IsInputGiven: false, Talk.Profile.Capabilities.Interactive: true };
        if (canAsk && !arguments.GetValue(_yes))
            given = new RunWizard(terminal.Talk).Ask(given);
        var resolved = WithFolder(OptionsResolver.Resolve(null, given), TimeProvider.System);
        AtomicFile.WriteText(file, NewRun.Text(resolved, ProgramName.InFiles));
        var commands = NextCommands.OfNew(file, new RunFolder(resolved.Options.Output.OutputDir!));
        if (IsJson(call))
        {
            terminal.Out.WriteLine(JsonText.Line(new JsonObject
            {
                ["file"] = file,
                ["next"] = JsonText.Texts(commands.Select(next => next.Command)),
            }));
            return 0;
        }

        foreach (var warning in resolved.Warnings)
            terminal.Error.WriteLine($"note: {warning}");
        terminal.Error.WriteLine($"Wrote {file}. Next:");
        NextSteps.Write(terminal.Talk, ProgramName.In(commands));
        return 0;
    }

    /// <summary>A folder of its own, so that the commands to go on with can name it.</summary>
    private static ResolvedOptions WithFolder(ResolvedOptions resolved, TimeProvider clock)
    {
        var options = resolved.Options;
        if (options.Output.OutputDir is not null)
            return resolved;
        var folder = options.Output.RunName is { } name
            ? Path.Combine("runs", name)
            : RunFolder.Named(options.Model.Model, options.Data.Datasets[0], clock).Folder;
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, folder).Replace('\\', '/');
        return resolved.With(options with { Output = options.Output with { OutputDir = relative } });
    }
}
