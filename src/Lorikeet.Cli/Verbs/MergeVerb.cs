using System.CommandLine;
using System.Globalization;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Jobs;
using Lorikeet.Models.Lora;

namespace Lorikeet.Cli.Verbs;

/// <summary>Adds an adapter to its base and proves that the sum is the same model.</summary>
internal sealed class MergeVerb : Verb
{
    private readonly Option<bool> _json = SharedOptions.Json();

    public MergeVerb() : base("merge", "Add an adapter to its base model and check the result against the unmerged one.")
    {
        Add(_json);
        foreach (var symbol in Catalog.Symbols)
            Add(symbol);
    }

    public override CatalogOptions Catalog { get; } = new(OptionCatalog.Of<MergeOptions>());

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a model of its own from a run's adapter", "merge --adapter runs/guanaco/adapter --output merged"),
        ("onto the weights that QLoRA trained on",
            "merge --adapter runs/guanaco/adapter --output merged --merge_base dequantized --bnb_4bit_quant_type nf4"),
    ];

    public override Task<int> RunAsync(ParseResult arguments, Interruption interruption)
    {
        var options = Catalog.Bind(arguments, new MergeOptions());
        var job = new MergeJob(options);
        var receipt = job.Run(Console.Error.WriteLine);
        Console.Out.WriteLine(arguments.GetValue(_json) ? receipt.ToJson() : Describe(receipt));
        if (receipt.Passed)
        {
            Console.Error.WriteLine($"Wrote {options.Merge.Output}.");
            return Task.FromResult(0);
        }

        Console.Error.WriteLine(
            $"The merged model differs from the unmerged one by more than rounding explains, so '{options.Merge.Output}' was " +
            "not written. Merge again with --dtype float32, and report this if it stays.");
        return Task.FromResult(1);
    }

    private static string Describe(MergeReceipt receipt) => string.Create(CultureInfo.InvariantCulture,
        $"""
        Receipt over {receipt.Positions} positions of {receipt.Prompts} prompts: {(receipt.Passed ? "passed" : "FAILED")}
          logits, largest difference  {receipt.MaxDifference:G3} (allowed {receipt.MaxDifferenceAllowed:G3})
          logits, mean difference     {receipt.MeanDifference:G3}
          mean KL divergence          {receipt.MeanKl:G3} nats (allowed {receipt.MeanKlAllowed:G3})
          same first choice           {receipt.Top1Agreement:P2}
        """);
}
