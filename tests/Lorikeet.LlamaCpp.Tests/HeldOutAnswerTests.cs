using System.Globalization;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>
/// A trained adapter, merged and alone, in every type that is exported: llama.cpp answers held-out questions as the
/// same weights do here.
/// </summary>
public sealed class HeldOutAnswerTests(QuickstartAdapter trained, ITestOutputHelper output)
    : IClassFixture<QuickstartAdapter>, IDisposable
{
    /// <summary>One of so many questions is asked in every run of the tests.</summary>
    private const int Stride = 20;

    /// <summary>Most that the scores may differ by, as a share of all questions.</summary>
    private const double ScoreTolerance = 0.002;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(GgufOutType.F32)]
    [InlineData(GgufOutType.F16)]
    [InlineData(GgufOutType.BF16)]
    [InlineData(GgufOutType.Q8_0)]
    [InlineData(GgufOutType.Q4_0)]
    [InlineData(GgufOutType.Q4_K_M)]
    public void AnswersOfAMergedAdapter_AreThoseComputedHere(GgufOutType type) =>
        Check(Merged(trained.Short, type, Stride), type);

    [Theory]
    [InlineData(GgufOutType.F32)]
    [InlineData(GgufOutType.F16)]
    [InlineData(GgufOutType.BF16)]
    [InlineData(GgufOutType.Q8_0)]
    public void AnswersWithAnAdapterFile_AreThoseComputedHere(GgufOutType type) =>
        Check(Alone(trained.Short, type, Stride), type);

    /// <summary>The table of docs/gguf.md: every question, with the quickstart's own adapter.</summary>
    [Fact(Explicit = true)]
    public void AnswersToAllQuestions_AreThoseComputedHere()
    {
        GgufOutType[] types = [.. Enum.GetValues<GgufOutType>().Where(type => type != GgufOutType.Auto)];
        var results = types.Select(type => (Form: "merged", type, Result: Merged(trained.Whole, type, 1)))
            .Concat(types.Where(type => type < GgufOutType.Q4_0)
                .Select(type => (Form: "alone", type, Result: Alone(trained.Whole, type, 1))))
            .ToList();
        output.WriteLine(
            "| adapter | outtype | exact match here | in llama.cpp | answers that differ | logits apart there |");
        output.WriteLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var (form, type, result) in results)
        {
            var gap = result.Gaps.Count == 0 ? "" : result.Gaps.Max().ToString("F2", CultureInfo.InvariantCulture);
            output.WriteLine(
                $"| {form} | {WireNames.Of(type)} | {Percent(result.Here)} | {Percent(result.There)} " +
                $"| {(result.Gaps.Count == 0 ? "none" : result.Gaps.Count)} | {gap} |");

            string Percent(int right) =>
                (100.0 * right / result.Questions).ToString("F2", CultureInfo.InvariantCulture) + " %";
        }

        Assert.All(results, row => Check(row.Result, row.type));
        Assert.All(results, row => Assert.InRange(
            Math.Abs(row.Result.Here - row.Result.There), 0, ScoreTolerance * row.Result.Questions));
    }

    private static void Check(AnswerComparison result, GgufOutType type)
    {
        Assert.Equal(0, result.PromptsApart);
        Assert.InRange(result.Here, result.Questions / 2, result.Questions); // it has learned to answer
        Assert.All(result.Gaps, gap => Assert.InRange(gap, 0, NearTie(type)));
        Assert.InRange(Math.Abs(result.Here - result.There), 0, result.Gaps.Count);
    }

    /// <summary>
    /// Most that two logits may differ by where answers part: llama.cpp rounds activations to the type of the weights,
    /// to
    /// 8 bits with quantized ones, which moves logits of about 20 by a few tenths.
    /// </summary>
    private static float NearTie(GgufOutType type) => type switch
    {
        GgufOutType.F32 => 1e-4f,
        GgufOutType.F16 => 0.02f,
        GgufOutType.BF16 => 0.1f,
        _ => 0.3f,
    };

    private AnswerComparison Merged(string adapter, GgufOutType type, int stride)
    {
        var path = _folder["model.gguf"];
        new ModelExport(Source(adapter), type).Write(path);
        using var model = ModelLoader.Load(path, Float32);
        using var llama = LlamaCpp.Open(path);
        return Compare(model, llama, adapter, stride);
    }

    private AnswerComparison Alone(string adapter, GgufOutType type, int stride)
    {
        var (path, file) = (_folder["base.gguf"], _folder["adapter.gguf"]);
        new ModelExport(Source(null), GgufOutType.F32).Write(path);
        using (var export = new AdapterExport(Source(adapter), type))
            export.Write(file);
        using var model = ModelLoader.Load(path, Float32);
        Adapter.Load(model, adapter);
        using var llama = LlamaCpp.Open(path);
        llama.Add(file);
        return Compare(model, llama, adapter, stride);
    }

    private static AnswerComparison Compare(DecoderModel model, LlamaCpp llama, string adapter, int stride)
    {
        var tokenizer = Tokenizer.Load(TokenizerFolders.Nano);
        var format = PromptFormat.TryLoad(adapter, tokenizer)!;
        return AnswerComparison.Run(model, tokenizer, format, llama, HeldOutQuestion.Load(format, tokenizer, stride));
    }

    private static LoadSettings Float32 => new(ScalarType.Float32, CPU, QuantizationSettings.None);

    private static ExportSource Source(string? adapter) =>
        ExportSource.Resolve(new ExportOptions { Model = TokenizerFolders.Nano, Adapter = adapter });
}
