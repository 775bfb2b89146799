using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

/// <summary>What steps take is counted before they are made.</summary>
public sealed class StepMemoryTests
{
    [Theory]
    [InlineData(ScalarType.Float32, QuantizationKind.None, 64, 4)]
    [InlineData(ScalarType.BFloat16, QuantizationKind.None, 300, 64)]
    [InlineData(ScalarType.BFloat16, QuantizationKind.Nf4, 2048, 16)]
    public void ABufferOfAStep_IsPartOfTheCount(ScalarType type, QuantizationKind kind, int tokens, int sequences)
    {
        const int scored = 256;
        using var model = ModelLoader.Load(
            TestAssets.Golden("models", "gqa"),
            new LoadSettings(type, CPU, new QuantizationSettings(kind)));
        var limits = new BatchLimits(tokens, sequences, 256);
        using var cache = new PagedCache(model.Config, 400, type, CPU);
        using var step = DecodingSupport.Create(model, cache, limits)!;
        var block = 1;
        StepSequence Sequence(int length, int count)
        {
            int[] blocks = [.. Enumerable.Range(block, PagedCache.BlocksOf(length))];
            block += blocks.Length;
            return new StepSequence(new int[length], 0, blocks, null, count);
        }

        var before = step.Bytes;
        var most = Math.Min(tokens, scored);
        using (step.Run([Sequence(Math.Min(most, 128), Math.Min(most, 128)),
            .. most > 128 ? [Sequence(most - 128, most - 128)] : (StepSequence[])[]]))
            Assert.True(step.Bytes >= before);
        var counted = StepMemory.Of(model, limits, scored);
        // Beside the buffers it has the kernels' own memory, of which most is the tile of decoded weights.
        Assert.InRange(counted, step.Bytes, step.Bytes + (40L << 20));
    }
}
