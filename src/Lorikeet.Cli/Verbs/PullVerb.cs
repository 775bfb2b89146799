using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Shell;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Cli.Verbs;

/// <summary>Fetches models and datasets before they are needed, into the cache that Hugging Face tools share.</summary>
internal sealed class PullVerb : Verb
{
    private readonly Argument<string[]> _ids = new("ID")
    {
        Description = "ids on the hub, such as TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<bool> _dataset = new("--dataset") { Description = "The ids name datasets, not models." };

    private readonly Option<string?> _revision = new("--revision")
    {
        Description = "Branch, tag or commit; the main branch when left out.",
        HelpName = "NAME",
    };

    public PullVerb() : base(
        "pull", "Fetch models or datasets from the Hugging Face hub, to be there when they are needed.", OneObject)
    {
        Add(_ids);
        Add(_dataset);
        Add(_revision);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a model, with what training and asking need of it", "pull TinyLlama/TinyLlama-1.1B-Chat-v1.0"),
        ("a dataset", "pull --dataset mlabonne/guanaco-llama2-1k"),
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, interruption) = call;
        var revision = arguments.GetValue(_revision);
        var folders = new JsonObject();
        foreach (var id in arguments.GetValue(_ids)!)
        {
            interruption.Token.ThrowIfCancellationRequested();
            var folder = arguments.GetValue(_dataset)
                ? ModelSource.ResolveDataset(id, revision)
                : ModelSource.Resolve(id, revision);
            folders[id] = folder;
            if (!IsJson(call))
                terminal.Out.WriteLine(folder);
        }

        if (IsJson(call))
            terminal.Out.WriteLine(JsonText.Line(folders));
        return 0;
    }
}
