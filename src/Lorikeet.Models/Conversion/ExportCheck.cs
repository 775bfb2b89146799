using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Conversion;

/// <summary>How an exported model compares with what was exported.</summary>
/// <param name="Logits">Their logits.</param>
/// <param name="OtherTokens">Texts that the tokenizer in the file cuts up otherwise when it is read here.</param>
/// <param name="LlamaCpp">What llama.cpp makes of prompts and texts; null without a tokenizer.</param>
public sealed record ExportCheck(
    MergeCheck Logits, IReadOnlyList<string> OtherTokens, LlamaCppCheck? LlamaCpp)
{
    /// <summary>Whether the file holds the same model, up to what its types round away.</summary>
    public bool Passed => Logits.Passed && OtherTokens.Count == 0;

    /// <summary>Compares logits and tokens over the probe prompts.</summary>
    /// <param name="source">What was exported.</param>
    /// <param name="path">The file.</param>
    /// <param name="outType">How its weights are stored.</param>
    /// <param name="options">Device and libtorch.</param>
    internal static ExportCheck Run(ExportSource source, string path, GgufOutType outType, ExportOptions options)
    {
        using var scope = NewDisposeScope();
        var original = ModelFolder.Open(source.Base);
        var tokenizer = original.Tokenizer;
        var read = ModelFolder.Open(path).Tokenizer;
        var prompts = ProbePrompts.For(source.Config, tokenizer);
        var (device, type) = original.Prepare(
            new ModelOptions { Device = options.Device, LibTorch = options.LibTorch });
        var expected = Logits(source.Base, source.Adapter);
        var actual = Logits(path, null);
        var other = tokenizer is null ? []
            : ProbePrompts.Texts.Where(
                text => read is null || !read.Encode(text).Ids.SequenceEqual(tokenizer.Encode(text).Ids));
        var (relative, kl) = Allowed(outType, type);
        var check = MergeCheck.Compare(expected, actual, relative, kl);
        return new ExportCheck(check, [.. other], tokenizer is null ? null : LlamaCppCheck.Of(source, tokenizer, path));

        List<Tensor> Logits(string model, AdapterFolder? adapter)
        {
            using var loaded = ModelLoader.Load(model, new LoadSettings(type, device, QuantizationSettings.None));
            if (adapter is not null)
                Adapter.Load(loaded, adapter);
            return [.. prompts.Select(prompt => loaded.Forward(prompt, [0, prompt.Length]).cpu())];
        }
    }

    /// <summary>
    /// What rounding explains. For 4 bits that is much: the limits there only tell a model from noise, and the figures
    /// are to be read.
    /// </summary>
    private static (double Relative, double Kl) Allowed(GgufOutType outType, ScalarType computeType) => outType switch
    {
        GgufOutType.Q4_0 or GgufOutType.Q4_K_M => (1, 1),
        GgufOutType.Q8_0 => (0.1, 3e-2),
        GgufOutType.F32 when computeType == ScalarType.Float32 => (1e-4, 1e-6),
        GgufOutType.F16 when computeType == ScalarType.Float32 => (1e-2, 1e-3),
        _ => (5e-2, 2e-2),
    };
}
