using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Lorikeet.Cli.Shell;
using Lorikeet.Formats;
using Lorikeet.Gguf;
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Options;
using Lorikeet.Runs;

namespace Lorikeet.Cli.Verbs;

/// <summary>Writes a model for llama.cpp or Ollama, and compares what was written with the model.</summary>
internal sealed class ExportVerb : Verb
{
    private const string Gguf = "gguf";
    private const string Ollama = "ollama";

    private readonly Argument<string> _format = new("FORMAT")
    {
        Description = "gguf: a file for llama.cpp and what is built on it. " +
            "ollama: a folder with that file and a Modelfile.",
    };

    private readonly Option<bool> _json = SharedOptions.Json();

    public ExportVerb() : base("export", "Write a model, or an adapter alone, in GGUF for llama.cpp and Ollama.")
    {
        _format.AcceptOnlyFromAmong(Gguf, Ollama);
        Add(_format);
        Add(_json);
        foreach (var symbol in Catalog.Symbols) Add(symbol);
    }

    public override CatalogOptions Catalog { get; } = new(OptionCatalog.Of<ExportOptions>());

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a run's model in 8 bits, adapter merged",
            "export gguf --adapter runs/qa/adapter --output qa-q8_0.gguf --outtype q8_0"),
        ("the adapter alone", "export gguf --adapter runs/qa/adapter --adapter_only --output qa-lora.gguf"),
        ("for Ollama; then 'ollama create qa -f qa/Modelfile'",
            "export ollama --adapter runs/qa/adapter --output qa --outtype q4_k_m"),
    ];

    public override Task<int> RunAsync(ParseResult arguments, Interruption interruption)
    {
        var options = Catalog.Bind(arguments, new ExportOptions());
        var isFolder = arguments.GetValue(_format) == Ollama;
        if (isFolder)
        {
            if (options.Output.Length == 0)
                throw new ConfigurationException("No output is named. Give a folder with --output.");
            if (options.AdapterOnly)
            {
                throw new ConfigurationException(
                    "adapter_only is for gguf. Ollama's folder holds a whole model; leave it out.");
            }

            OutputPlace.RequireFolder("--output", options.Output, isReplaced: true);
            ModelFiles.RequireNew(options.Output, options.Overwrite);
        }
        else
        {
            ExportSource.RequireFile(options.Output, options.Overwrite);
        }

        LibTorch.Load(options.LibTorch);
        var source = ExportSource.Resolve(options);
        return Task.FromResult(options.AdapterOnly
            ? ExportAdapter(source, options, arguments.GetValue(_json))
            : ExportModel(source, options, isFolder, arguments.GetValue(_json)));
    }

    private static int ExportModel(ExportSource source, ExportOptions options, bool isFolder, bool asJson)
    {
        var outType = source.Choose(options.OutType);
        var export = new ModelExport(source, outType);
        var file = isFolder ? Path.Combine(options.Output, OllamaExport.ModelFile) : options.Output;
        IReadOnlyList<string> notes;
        if (isFolder)
        {
            notes = OllamaExport.Write(export, source, options.Output);
        }
        else
        {
            export.Write(file);
            notes = export.Notes;
        }

        foreach (var note in notes) Console.Error.WriteLine(note);
        var size = Quantities.Bytes(new FileInfo(file).Length);
        Console.Error.WriteLine($"Wrote {file} ({WireNames.Of(outType)}, {size}); comparing it with the model.");
        var receipt = ExportCheck.Run(source, file, outType, options);
        Console.Out.WriteLine(asJson ? ToJson(file, outType, notes, receipt) : Describe(receipt));
        if (receipt.Passed) return 0;
        Console.Error.WriteLine(
            $"'{file}' is not the model that was exported. Do not use it; export it with --outtype f32, and report this if " +
            "it stays.");
        return 1;
    }

    private static int ExportAdapter(ExportSource source, ExportOptions options, bool asJson)
    {
        const double allowed = 1e-2;
        using var export = new AdapterExport(source, options.OutType);
        export.Write(options.Output);
        var difference = export.Verify(options.Output);
        var size = new FileInfo(options.Output).Length;
        var passed = difference <= allowed;
        var path = Path.GetFullPath(options.Output);
        Console.Out.WriteLine(asJson
            ? JsonSerializer.Serialize(new { output = path, bytes = size, max_relative_difference = difference, passed })
            : string.Create(CultureInfo.InvariantCulture,
                $"Wrote {options.Output} ({Quantities.Bytes(size)}). Read back, it adds what the adapter adds, up to " +
                $"{difference:G2} of the largest element."));
        return passed ? 0 : 1;
    }

    private static string ToJson(
        string file, GgufOutType outType, IReadOnlyList<string> notes, ExportReceipt receipt) =>
        JsonSerializer.Serialize(new
        {
            output = Path.GetFullPath(file),
            bytes = new FileInfo(file).Length,
            outtype = WireNames.Of(outType),
            notes,
            max_difference = receipt.Logits.MaxDifference,
            mean_difference = receipt.Logits.MeanDifference,
            mean_kl = receipt.Logits.MeanKl,
            top1_agreement = receipt.Logits.Top1Agreement,
            texts_tokenized_otherwise = receipt.OtherTokens,
            passed = receipt.Passed,
        });

    private static string Describe(ExportReceipt receipt)
    {
        var logits = receipt.Logits;
        var verdict = receipt.Passed ? "passed" : "FAILED";
        var tokens = receipt.OtherTokens.Count == 0
            ? "as the model's own" : $"DIFFER, as in '{receipt.OtherTokens[0]}'";
        return string.Create(CultureInfo.InvariantCulture,
            $"""
            Receipt over {logits.Positions} positions of {logits.Prompts} prompts: {verdict}
              logits, largest difference  {logits.MaxDifference:G3} (allowed {logits.MaxDifferenceAllowed:G3})
              logits, mean difference     {logits.MeanDifference:G3}
              mean KL divergence          {logits.MeanKl:G3} nats (allowed {logits.MeanKlAllowed:G3})
              same first choice           {logits.Top1Agreement:P2}
              tokens of the prompts       {tokens}
            """);
    }
}
