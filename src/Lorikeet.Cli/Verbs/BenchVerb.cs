using System.CommandLine;
using Lorikeet.Cli.Benchmarks;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Training.Benchmarks;

namespace Lorikeet.Cli.Verbs;

/// <summary>Measures this machine on shapes of real models with random weights.</summary>
internal sealed class BenchVerb : CatalogVerb
{
    private readonly Argument<string> _what = new("WHAT")
    { Description = "train, decode, grpo, load, gemm, serve or soak: what is measured" };

    public BenchVerb() : base(
        "bench", "Measure training, decoding and loading on the shapes of real models, with random weights.",
        OptionCatalog.Of<BenchOptions>(), OneObject)
    {
        Add(_what);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("QLoRA on the shape of TinyLlama", "bench train --shape tinyllama-1.1b --quant nf4 --batch 4 --length 256"),
        ("Llama-2 7B on a GPU",
            "bench train --shape llama2-7b --quant nf4 --batch 4 --length 1024 --device cuda --json"),
        ("eight adapters at once, each with a row of its own",
            "bench train --shape llama2-7b --quant nf4 --adapters 8 --batch 1 --length 512 --device cuda"),
        ("decoding with a 4-bit base and no adapter",
            "bench decode --shape llama2-7b --quant nf4 --batch 1 --device cuda"),
        ("a step of learning from rewards: 8 answers of 128 tokens to each of 8 questions",
            "bench grpo --shape llama2-7b --batch 16 --device cuda"),
        ("loading a checkpoint as 4-bit codes", "bench load --model ./llama-2-7b --quant nf4 --device cuda"),
        ("a server for 64 clients, of a model in this process",
            "bench serve --adapter runs/quickstart/adapter --streams 64"),
        ("the same of random weights in a shape, 4 bits",
            "bench serve --shape tinyllama-1.1b --quant nf4 --streams 8"),
        ("one that runs, with mixed requests for ten minutes", "bench soak --url http://127.0.0.1:8080 --seconds 600"),
        ("the rate of large GEMMs", "bench gemm --json"),
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, interruption) = call;
        var (options, load) = Bind(call, new BenchOptions());
        var what = arguments.GetValue(_what)!;
        if (what is "train" or "decode" or "gemm")
            terminal.Error.WriteLine("Measuring the rate of large GEMMs and copies first, to compare with.");
        var result = what switch
        {
            "train" => BenchmarkJson.Of(options, Train(options, terminal)),
            "decode" => BenchmarkJson.Of(options, DecodingBenchmark.Run(options)),
            "grpo" => BenchmarkJson.Of(options, RolloutBenchmark.Run(options)),
            "load" => BenchmarkJson.Of(
                options, LoadingBenchmark.Run(options, terminal.Error.WriteLine, interruption.Token)),
            "gemm" => BenchmarkJson.OfGemm(BenchmarkMachine.Open(options)),
            "serve" => ServingBenchmark.Run(options, load, interruption.Token).GetAwaiter().GetResult(),
            "soak" => SoakBenchmark.Run(options, load, terminal.Error.WriteLine, interruption.Token)
                .GetAwaiter().GetResult(),
            _ => throw new ConfigurationException(
                $"'{what}' is nothing to measure. Expected train, decode, grpo, load, gemm, serve or soak."),
        };
        if (IsJson(call))
        {
            terminal.Out.WriteLine(result.ToJsonString());
            return 0;
        }

        foreach (var (name, value) in result)
            terminal.Out.WriteLine($"{name,-20} {value}");
        return 0;
    }

    /// <summary>The step of one process, or of all that a launcher started together.</summary>
    private static TrainingFigures Train(BenchmarkOptions options, Terminal terminal)
    {
        using var ranks = new RankMembership(options.LibTorch, options.Device, terminal);
        return ranks.Guard(() => TrainingBenchmark.Run(options, ranks.Communicator));
    }
}
