using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Gguf;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;

namespace Lorikeet.Cli.Verbs;

/// <summary>Writes a model for llama.cpp or Ollama, and compares what was written with the model.</summary>
internal sealed class ExportVerb : CatalogVerb
{
    private const string Gguf = "gguf";
    private const string Ollama = "ollama";

    private readonly Argument<string> _format = new("FORMAT")
    {
        Description = "gguf: a file for llama.cpp and what is built on it. " +
            "ollama: a folder with that file and a Modelfile.",
    };

    private static readonly JsonSerializerOptions s_json =
        new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals }; // of a model that computes NaN


    public ExportVerb() : base(
        "export", "Write a model, or an adapter alone, in GGUF for llama.cpp and Ollama.", OptionCatalog.Of<ExportOptions>(), OneObject)
    {
        _format.AcceptOnlyFromAmong(Gguf, Ollama);
        Add(_format);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a run's model in 8 bits, adapter merged",
            "export gguf --adapter runs/qa/adapter --output qa-q8_0.gguf --outtype q8_0"),
        ("the adapter alone", "export gguf --adapter runs/qa/adapter --adapter_only --output qa-lora.gguf"),
        ("for Ollama; then 'ollama create qa -f qa/Modelfile'",
            "export ollama --adapter runs/qa/adapter --output qa --outtype q4_k_m"),
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, _) = call;
        var options = Bind(call, new ExportOptions());
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
        return options.AdapterOnly
            ? ExportAdapter(source, options, terminal, IsJson(call))
            : ExportModel(source, options, isFolder, terminal, IsJson(call));
    }

    private static int ExportModel(ExportSource source, ExportOptions options, bool isFolder, Terminal terminal, bool asJson)
    {
        var outType = source.Choose(options.OutType);
        var file = isFolder ? Path.Combine(options.Output, OllamaExport.ModelFile) : options.Output;
        var kept = isFolder
            ? AtomicFolder.TryWrite(options.Output, folder =>
                Write(Path.Combine(folder, OllamaExport.ModelFile), export => OllamaExport.Write(export, source, folder)))
            : AtomicFile.TryWrite(file, temporary => Write(temporary, export =>
            {
                export.Write(temporary);
                return export.Notes;
            }));
        terminal.Error.WriteLine(kept
            ? $"Wrote {file}."
            : $"What was written is not the model that was exported, so '{options.Output}' was not kept. Export it with " +
                "--outtype f32, and report this if it stays.");
        return kept ? 0 : 1;

        bool Write(string temporary, Func<ModelExport, IReadOnlyList<string>> write)
        {
            var notes = write(new ModelExport(source, outType));
            var size = new FileInfo(temporary).Length;
            terminal.Error.WriteLine(
                $"The model is written ({WireNames.Of(outType)}, {Quantities.Bytes(size)}); comparing it with the original.");
            var receipt = ExportCheck.Run(source, temporary, outType, options);
            List<string> all = [.. notes, .. receipt.LlamaCpp?.Notes ?? []];
            foreach (var note in all)
                terminal.Error.WriteLine(note);
            terminal.Out.WriteLine(asJson ? ToJson(file, size, outType, all, receipt) : Describe(receipt));
            return receipt.Passed;
        }
    }

    private static int ExportAdapter(ExportSource source, ExportOptions options, Terminal terminal, bool asJson)
    {
        const double allowed = 1e-2;
        using var export = new AdapterExport(source, options.OutType);
        var (difference, size) = (double.NaN, 0L);
        var passed = AtomicFile.TryWrite(options.Output, temporary =>
        {
            export.Write(temporary);
            (difference, size) = (export.Verify(temporary), new FileInfo(temporary).Length);
            return difference <= allowed;
        });
        var path = Path.GetFullPath(options.Output);
        terminal.Out.WriteLine(asJson
            ? JsonSerializer.Serialize(new { output = path, bytes = size, max_relative_difference = difference, passed }, s_json)
            : string.Create(CultureInfo.InvariantCulture,
                $"{(passed ? "Wrote" : "FAILED, and not kept:")} {options.Output} ({Quantities.Bytes(size)}). Read back, it adds " +
                $"what the adapter adds, up to {difference:G2} of the largest element."));
        return passed ? 0 : 1;
    }

    private static string ToJson(
        string file, long bytes, GgufOutType outType, IReadOnlyList<string> notes, ExportReceipt receipt) =>
        JsonSerializer.Serialize(new
        {
            output = Path.GetFullPath(file),
            bytes,
            outtype = WireNames.Of(outType),
            notes,
            max_difference = receipt.Logits.MaxDifference,
            mean_difference = receipt.Logits.MeanDifference,
            mean_kl = receipt.Logits.MeanKl,
            top1_agreement = receipt.Logits.Top1Agreement,
            texts_tokenized_otherwise = receipt.OtherTokens,
            llama_cpp_prompts = receipt.LlamaCpp?.Prompts,
            llama_cpp_prompts_equal = receipt.LlamaCpp?.EqualPrompts,
            llama_cpp_texts = receipt.LlamaCpp?.Texts,
            llama_cpp_texts_tokenized_otherwise = receipt.LlamaCpp?.Different.Select(probe => probe.Text),
            passed = receipt.Passed,
        }, s_json);

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
              tokens in llama.cpp         {receipt.LlamaCpp?.ToString() ?? "no tokenizer"}
            """);
    }
}
