using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
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
        "export", "Write a model, or an adapter alone, in GGUF for llama.cpp and Ollama.",
        OptionCatalog.Of<ExportOptions>(), OneObject)
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
        if (isFolder && options is { Output.Length: > 0, AdapterOnly: false })
            OutputPlace.RequireFolder("--output", options.Output, isReplaced: true);
        var result = new ExportJob(options, isFolder).Run(terminal.Error.WriteLine);
        return options.AdapterOnly
            ? ShowAdapter(result, options, terminal, IsJson(call))
            : ShowModel(result, options, terminal, IsJson(call));
    }

    private static int ShowModel(ExportResult result, ExportOptions options, Terminal terminal, bool asJson)
    {
        foreach (var note in result.Notes)
            terminal.Error.WriteLine(note);
        terminal.Out.WriteLine(asJson ? ToJson(result) : Describe(result.Model!));
        terminal.Error.WriteLine(result.Passed
            ? $"Wrote {result.File}."
            : $"What was written is not the model that was exported, so '{options.Output}' was not kept. Export it " +
                "with --outtype f32, and report this if it stays.");
        return result.Passed ? 0 : 1;
    }

    private static int ShowAdapter(ExportResult result, ExportOptions options, Terminal terminal, bool asJson)
    {
        var path = Path.GetFullPath(options.Output);
        terminal.Out.WriteLine(asJson
            ? JsonSerializer.Serialize(
                new
                {
                    output = path,
                    bytes = result.Bytes,
                    max_relative_difference = result.AdapterDifference,
                    passed = result.Passed
                }, s_json)
            : string.Create(CultureInfo.InvariantCulture,
                $"{(result.Passed ? "Wrote" : "FAILED, and not kept:")} {options.Output} " +
                $"({Quantities.Bytes(result.Bytes)}). Read back, it adds what the adapter adds, up to " +
                $"{result.AdapterDifference:G2} of the largest element."));
        return result.Passed ? 0 : 1;
    }

    private static string ToJson(ExportResult result)
    {
        var check = result.Model!;
        return JsonSerializer.Serialize(new
        {
            output = Path.GetFullPath(result.File),
            bytes = result.Bytes,
            outtype = WireNames.Of(result.OutType),
            notes = result.Notes,
            max_difference = check.Logits.MaxDifference,
            mean_difference = check.Logits.MeanDifference,
            mean_kl = check.Logits.MeanKl,
            top1_agreement = check.Logits.Top1Agreement,
            texts_tokenized_otherwise = check.OtherTokens,
            llama_cpp_prompts = check.LlamaCpp?.Prompts,
            llama_cpp_prompts_equal = check.LlamaCpp?.EqualPrompts,
            llama_cpp_texts = check.LlamaCpp?.Texts,
            llama_cpp_texts_tokenized_otherwise = check.LlamaCpp?.DifferentTexts,
            passed = result.Passed,
        }, s_json);
    }

    private static string Describe(ExportCheck check)
    {
        var logits = check.Logits;
        var verdict = check.Passed ? "passed" : "FAILED";
        var tokens = check.OtherTokens.Count == 0
            ? "as the model's own" : $"DIFFER, as in '{check.OtherTokens[0]}'";
        return string.Create(CultureInfo.InvariantCulture,
            $"""
            Verified on {logits.Positions} positions of {logits.Prompts} prompts: {verdict}
              logits, largest difference  {logits.MaxDifference:G3} (allowed {logits.MaxDifferenceAllowed:G3})
              logits, mean difference     {logits.MeanDifference:G3}
              mean KL divergence          {logits.MeanKl:G3} nats (allowed {logits.MeanKlAllowed:G3})
              same first choice           {logits.Top1Agreement:P2}
              tokens of the prompts       {tokens}
              tokens in llama.cpp         {check.LlamaCpp?.ToString() ?? "no tokenizer"}
            """);
    }
}
