using System.CommandLine;
using System.Text.Json;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Jobs;
using Lorikeet.Models.Conversion;

namespace Lorikeet.Cli.Verbs;

/// <summary>Writes a model once in 4 or 8 bits, so that it need not be quantized at every start.</summary>
internal sealed class QuantizeVerb : CatalogVerb
{

    public QuantizeVerb() : base(
        "quantize", "Write a model in 4 or 8 bits, as bitsandbytes checkpoints are.",
        OptionCatalog.Of<QuantizeOptions>(), OneObject)
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("NF4 with double quantization, what QLoRA trains on",
            "quantize --model TinyLlama-1.1B --output TinyLlama-1.1B-nf4"),
        ("8 bits", "quantize --model TinyLlama-1.1B --output TinyLlama-1.1B-int8 --load_in_8bit --dtype float16"),
    ];

    public override int Run(Invocation call)
    {
        var options = Bind(call, new QuantizeOptions());
        var bytes = QuantizeJob.Run(options);
        var folder = Path.GetFullPath(options.Checkpoint.Output);
        call.Terminal.Out.WriteLine(IsJson(call)
            ? JsonSerializer.Serialize(new { output = folder, weight_bytes = bytes })
            : $"Wrote {folder}: {Quantities.Bytes(bytes)} of weights.");
        return 0;
    }
}
