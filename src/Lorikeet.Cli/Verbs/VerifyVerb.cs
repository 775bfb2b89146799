using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Shell;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Models.Verification;

namespace Lorikeet.Cli.Verbs;

/// <summary>Holds a model against what another library computed of it.</summary>
internal sealed class VerifyVerb : InferenceVerb<VerifyOptions>
{
    private const int Different = 1;


    public VerifyVerb() : base(
        "verify", "Compare a model with tensors that another library computed of it.",
        OneObject)
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("logits, loss and continuations of transformers", "verify --model DIR --against expected.safetensors"),
        ("with an adapter, at a tolerance of yours",
            "verify --model DIR --adapter ADAPTER --against expected.safetensors --tolerance 1e-3"),
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, _) = call;
        var options = Bind(call, new VerifyOptions());
        if (options.Expected.Against is not { } file)
            throw new ConfigurationException("There is nothing to compare with. Give --against FILE.safetensors.");
        if (!File.Exists(file))
            throw new ConfigurationException(
                $"'{file}' does not exist. A safetensors file was expected. Check the path.");

        using var expected = ModelWeights.OpenFile(file);
        using var model = Load(call, options);
        var verifier = new ModelVerifier(model.Decoder, model.Folder) { Tolerance = options.Expected.Tolerance };
        var result = verifier.Compare(expected);
        terminal.Out.WriteLine(IsJson(call) ? JsonText.Indented(ToJson(result)) : Describe(result));
        foreach (var name in result.NotCompared)
            terminal.Error.WriteLine(
                $"Not compared: '{name}', which is no output that is known and no weight of the model.");
        return result.Passed ? 0 : Different;
    }

    private static string Describe(VerificationResult result)
    {
        var width = result.Tensors.Max(tensor => tensor.Name.Length);
        var lines = result.Tensors.Select(tensor => string.Create(CultureInfo.InvariantCulture,
            $"{(tensor.Passed ? "pass" : "FAIL")}  {tensor.Name.PadRight(width)}  largest difference "
            + $"{tensor.Difference,-8:G3} (allowed {tensor.Allowed:G3}, {tensor.Compared} values)"));
        var failed = result.Tensors.Count(tensor => !tensor.Passed);
        var summary = failed == 0
            ? $"passed: {result.Tensors.Count} tensors agree"
            : $"FAILED: {failed} of {result.Tensors.Count} tensors differ";
        return string.Join(Environment.NewLine, lines.Append(summary));
    }

    private static JsonObject ToJson(VerificationResult result) => new()
    {
        ["passed"] = result.Passed,
        ["tensors"] = new JsonArray([.. result.Tensors.Select(tensor => new JsonObject
        {
            ["name"] = tensor.Name,
            ["values"] = tensor.Compared,
            // JSON has no NaN.
            ["difference"] = double.IsFinite(tensor.Difference) ? tensor.Difference : null,
            ["allowed"] = tensor.Allowed,
            ["passed"] = tensor.Passed,
        })]),
        ["not_compared"] = JsonText.Texts(result.NotCompared),
    };
}
