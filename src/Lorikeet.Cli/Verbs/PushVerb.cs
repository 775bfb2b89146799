using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Publishing;

namespace Lorikeet.Cli.Verbs;

/// <summary>Publishes an adapter or a model on the hub.</summary>
internal sealed class PushVerb : Verb
{
    private readonly Option<bool> _json = SharedOptions.Json();

    public PushVerb() : base("push", "Publish an adapter or a merged model on the Hugging Face hub, with a model card.")
    {
        Add(_json);
        foreach (var symbol in Catalog.Symbols)
            Add(symbol);
    }

    public override CatalogOptions Catalog { get; } = new(OptionCatalog.Of<PublishOptions>());

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("the adapter of a run (HF_TOKEN holds the token)", "push --folder runs/qa/adapter --repo me/tinyllama-qa"),
        ("a merged model, for its owner only", "push --folder runs/qa-merged --repo me/tinyllama-qa-merged --private"),
    ];

    public override async Task<int> RunAsync(ParseResult arguments, Interruption interruption)
    {
        var job = new PublishJob(Catalog.Bind(arguments, new PublishOptions()));
        var pushed = await job.RunAsync(progress: null, interruption.Token);
        Console.Out.WriteLine(arguments.GetValue(_json)
            ? JsonText.Line(new JsonObject
            {
                ["repo"] = pushed.Id,
                ["commit"] = pushed.Commit,
                ["url"] = pushed.Page.ToString(),
            })
            : $"Pushed to {pushed.Page}");
        return 0;
    }
}
