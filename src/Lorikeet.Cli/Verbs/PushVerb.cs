using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Publishing;

namespace Lorikeet.Cli.Verbs;

/// <summary>Publishes an adapter or a model on the hub.</summary>
internal sealed class PushVerb : CatalogVerb
{

    public PushVerb() : base(
        "push", "Publish an adapter or a merged model on the Hugging Face hub, with a model card.",
        OptionCatalog.Of<PublishOptions>(), OneObject)
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("the adapter of a run (HF_TOKEN holds the token)", "push --folder runs/qa/adapter --repo me/tinyllama-qa"),
        ("a merged model, for its owner only", "push --folder runs/qa-merged --repo me/tinyllama-qa-merged --private"),
    ];

    public override int Run(Invocation call)
    {
        var job = new PublishJob(Bind(call, new PublishOptions())) { Program = ProgramName.InFiles };
        var pushed = job.RunAsync(progress: null, call.Interruption.Token).GetAwaiter().GetResult();
        call.Terminal.Out.WriteLine(IsJson(call)
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
