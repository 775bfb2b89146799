using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using Lorikeet.Training.Planning;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Planning;

/// <summary>Predictions for machines whose measurements are in bench/README.md.</summary>
public class SpeedPlanTests
{
    private const double Tolerance = 0.15;

    private static readonly MachineRates s_h100 = new(Gemm: 770e12, Copy: 2.75e12);
    private static readonly MachineRates s_h200 = new(Gemm: 785e12, Copy: 3.85e12);
    private static readonly MachineRates s_processor = new(Gemm: 0.42e12, Copy: 20e9);

    private static readonly LoraOptions s_queriesAndValues =
        new() { Rank = 64, Dropout = 0.1, TargetModules = TargetModules.Named("q_proj", "v_proj") };

    [Theory]
    [InlineData(QuantizationKind.None, Checkpointing.None, 19_392, 26.915)]
    [InlineData(QuantizationKind.Nf4, Checkpointing.None, 18_438, 17.264)]
    [InlineData(QuantizationKind.Nf4, Checkpointing.Full, 13_853, 6.374)]
    public void LlamaOnAnH100_IsAsFastAndAsLargeAsMeasured(
        QuantizationKind kind, Checkpointing checkpointing, double tokensPerSecond, double gigabytes) =>
        Require(
            Llama7B, new LoraOptions(), kind, checkpointing, CudaDevice, s_h100, rows: 4, length: 1024, tokensPerSecond,
            gigabytes);

    [Fact]
    public void ShortRowsOnAnH100_AreAsFastAndAsLargeAsMeasured() => Require(
        Llama7B, s_queriesAndValues, QuantizationKind.Nf4, Checkpointing.Full, CudaDevice, s_h100, rows: 1, length: 512,
        8_861, 4.775);

    [Fact]
    public void LlamaInFp8OnAnH200_IsAsFastAndAsLargeAsMeasured() => Require(
        Llama7B, new LoraOptions(), QuantizationKind.Fp8, Checkpointing.None, CudaDevice, s_h200, rows: 4, length: 1024,
        28_354, 27.114);

    [Theory]
    [InlineData(QuantizationKind.None, 84.7)]
    [InlineData(QuantizationKind.Nf4, 79.9)]
    public void TinyLlamaOnAProcessor_IsAsFastAsMeasured(QuantizationKind kind, double tokensPerSecond) => Require(
        TinyLlama, new LoraOptions(), kind, Checkpointing.None, CPU, s_processor, rows: 4, length: 256, tokensPerSecond,
        null);

    private static void Require(
        ModelConfig shape, LoraOptions adapter, QuantizationKind kind, Checkpointing checkpointing, Device device,
        MachineRates rates, int rows, int length, double tokensPerSecond, double? gigabytes)
    {
        var (tokens, quantization) = (rows * length, new QuantizationSettings(kind, DoubleQuantization: true));
        using var outline = ModelOutline.Create(shape, ScalarType.BFloat16, quantization, stored: null);
        Adapter.Create(outline, adapter, seed: 1);
        using var planner = new MemoryPlanner(
            outline, new OptimizationOptions(), device, MemoryPlanner.LibrariesOf(device));
        var batch = new BatchShape(tokens, rows, length);
        var memory = planner.Plan(batch, checkpointing, free: null);
        var trained = outline.Trainable.Sum(parameter => parameter.Value.NumberOfElements);
        var speed = new SpeedPlanner(planner.Pass, trained, device, rates)
            .Plan(new RunBatches(batch, tokens, tokens, length, TargetShare: 1, Steps: 1), memory, ranks: 1);
        Assert.InRange(speed.TokensPerSecond / tokensPerSecond, 1 - Tolerance, 1 + Tolerance);
        if (gigabytes is { } measured)
            Assert.InRange(memory.Total / 1e9 / measured, 0.97, 1.03);
    }

    private static Device CudaDevice => new(TorchSharp.DeviceType.CUDA, 0);

    private static ModelConfig Llama7B => Llama(4096, 11008, 32, 32, 32);

    private static ModelConfig TinyLlama => Llama(2048, 5632, 22, 32, 4);

    private static ModelConfig Llama(int hidden, int inner, int layers, int heads, int keyValueHeads) => new()
    {
        ModelType = "llama",
        VocabularySize = 32000,
        HiddenSize = hidden,
        IntermediateSize = inner,
        LayerCount = layers,
        HeadCount = heads,
        KeyValueHeadCount = keyValueHeads,
        HeadSize = hidden / heads,
        NormEpsilon = 1e-5,
        Rope = new RopeSettings(),
        MaxPositions = 4096,
        Source = [],
    };
}
