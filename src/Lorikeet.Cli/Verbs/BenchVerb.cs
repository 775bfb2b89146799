using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Benchmarks;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Native;
using Lorikeet.Training.Planning;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Cli.Verbs;

/// <summary>Measures this machine on shapes of real models with random weights.</summary>
internal sealed class BenchVerb : Verb
{
    private readonly Argument<string> _what = new("WHAT") { Description = "train, decode, load, or gemm: what is measured" };
    private readonly Option<bool> _json = SharedOptions.Json();

    public BenchVerb() : base("bench", "Measure training, decoding and loading on the shapes of real models, with random weights.")
    {
        Add(_what);
        Add(_json);
        foreach (var symbol in Catalog.Symbols)
            Add(symbol);
    }

    public override CatalogOptions Catalog { get; } = new(OptionCatalog.Of<BenchOptions>());

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("QLoRA on the shape of TinyLlama", "bench train --shape tinyllama-1.1b --quant nf4 --batch 4 --length 256"),
        ("Llama-2 7B on a GPU", "bench train --shape llama2-7b --quant nf4 --batch 4 --length 1024 --device cuda --json"),
        ("decoding with a 4-bit base and no adapter", "bench decode --shape llama2-7b --quant nf4 --batch 1 --device cuda"),
        ("loading a checkpoint as 4-bit codes", "bench load --model ./llama-2-7b --quant nf4 --device cuda"),
        ("the rate of large matrix products", "bench gemm --json"),
    ];

    public override Task<int> RunAsync(ParseResult arguments, Interruption interruption)
    {
        var options = Catalog.Bind(arguments, new BenchOptions()).Run;
        var what = Find(arguments.GetValue(_what)!);
        Check(options);
        LibTorch.Load(options.LibTorch);
        if (options.Threads is { } threads)
            set_num_threads(threads);
        var device = ComputeDevice.Resolve(options.Device);
        if (what != "load")
            Console.Error.WriteLine("Measuring the rate of large matrix products first, to compare with.");
        var result = what switch
        {
            "train" => TrainingBenchmark.Run(options, device),
            "decode" => DecodingBenchmark.Run(options, device),
            "load" => LoadingBenchmark.Run(options, device, Console.Error.WriteLine, interruption.Token),
            _ => Gemm(options, device),
        };
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(result.ToJsonString());
        else
        foreach (var (name, value) in result)
            Console.Out.WriteLine($"{name,-20} {value}");
        return Task.FromResult(0);
    }

    private static string Find(string what) => what is "train" or "decode" or "load" or "gemm"
        ? what
        : throw new ConfigurationException($"'{what}' is nothing to measure. Expected train, decode, load or gemm.");

    /// <summary>Refuses names that stand for nothing before anything is measured.</summary>
    private static void Check(BenchRunOptions options)
    {
        _ = ModelShapes.Find(options.Shape);
        _ = TrainingBenchmark.Quantization(options);
        _ = TrainingBenchmark.Adapter(options);
    }

    private static JsonObject Gemm(BenchRunOptions options, Device device)
    {
        var type = options.Type == ComputeType.Float32 ? ScalarType.Float32 : ScalarType.BFloat16;
        return new JsonObject
        {
            ["device"] = device.ToString(),
            ["dtype"] = type.ToString().ToLowerInvariant(),
            ["gemm_tflops"] = Math.Round(GemmRate.Measure(type, device) / 1e12, 3),
        };
    }
}
