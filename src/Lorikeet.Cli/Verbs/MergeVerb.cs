using System.CommandLine;
using System.Globalization;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Jobs;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Lora;

namespace Lorikeet.Cli.Verbs;

/// <summary>Adds an adapter to its base and proves that the sum is the same model.</summary>
internal sealed class MergeVerb : CatalogVerb
{

    public MergeVerb() : base(
        "merge", "Add an adapter to its base model and check the result against the unmerged one.",
        OptionCatalog.Of<MergeOptions>(), OneObject)
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a model of its own from a run's adapter", "merge --adapter runs/guanaco/adapter --output merged"),
        ("onto the weights that QLoRA trained on",
            "merge --adapter runs/guanaco/adapter --output merged --merge_base dequantized --bnb_4bit_quant_type nf4"),
    ];

    public override int Run(Invocation call)
    {
        var terminal = call.Terminal;
        var options = Bind(call, new MergeOptions());
        var job = new MergeJob(options);
        var check = job.Run(terminal.Error.WriteLine);
        terminal.Out.WriteLine(IsJson(call) ? check.ToJson() : Describe(check));
        if (check.Passed)
        {
            terminal.Error.WriteLine($"Wrote {options.Merge.Output}.");
            return 0;
        }

        terminal.Error.WriteLine(
            "The merged model differs from the unmerged one by more than rounding explains, so " +
            $"'{options.Merge.Output}' was not written. Merge again with --dtype float32, and report this if it " +
            "stays.");
        return 1;
    }

    private static string Describe(MergeCheck check) => string.Create(CultureInfo.InvariantCulture,
        $"""
        Verified on {check.Positions} positions of {check.Prompts} prompts: {(check.Passed ? "passed" : "FAILED")}
          logits, largest difference  {check.MaxDifference:G3} (allowed {check.MaxDifferenceAllowed:G3})
          logits, mean difference     {check.MeanDifference:G3}
          mean KL divergence          {check.MeanKl:G3} nats (allowed {check.MeanKlAllowed:G3})
          same first choice           {check.Top1Agreement:P2}
        """);
}
