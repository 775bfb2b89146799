using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>A feed-forward computed some rows after others gives what one computed all at once does.</summary>
[Collection(CudaTestBase.Collection)]
public class SlicedPassTests
{
    private const int Slice = 32; // of batches of 64 to 192 tokens

    private static readonly QuantizationSettings s_fourBits = new(QuantizationKind.Nf4, true);

    private static PassComparison Sliced { get; } = new()
    {
        Adapter = new LoraOptions
        {
            Rank = 3,
            TargetModules = TargetModules.AllLinear,
            InitLoraWeights = LoraInitialisation.Random,
        },
        Checkpointing = Checkpointing.Full,
        Slice = Slice,
    };

    public static TheoryData<string> Differences => FamilyPassTests.Differences;

    [Theory]
    [MemberData(nameof(Differences))]
    public void Families_EqualReference(string name) =>
        (Sliced with { Shape = FamilyPassTests.With(name, PassComparison.Small()) }).RequireEqual();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Weights_EqualReference(bool fourBits, bool augments) => (Sliced with
    {
        Quantization = fourBits ? s_fourBits : QuantizationSettings.None,
        Augments = augments,
        Shape = PassComparison.Small() with { QueryKeyValueBias = true, FeedForwardBias = true },
    }).RequireEqual();

    /// <summary>The last slice is shorter; a batch is shorter than a slice.</summary>
    [Theory]
    [InlineData(24)]
    [InlineData(80)]
    public void UnevenSlices_EqualReference(int rows) => (Sliced with { Slice = rows }).RequireEqual();

    [Fact]
    public void AllWeights_EqualReference() => (Sliced with { Adapter = null }).RequireEqual();

    [Fact]
    public void OnCuda_IsAsCloseToFloat32AsTheReference()
    {
        Assert.SkipUnless(CudaTestBase.HasDevice, "There is no CUDA device.");
        (Sliced with { Device = CudaTestBase.Device }).RequireAsClose();
        (Sliced with { Device = CudaTestBase.Device, Quantization = s_fourBits }).RequireAsClose();
    }

    /// <summary>What a plan counts is what a pass takes, and less than without slices.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Buffers_AreCounted(bool normalisesHeads)
    {
        var shape = PassComparison.Small() with
        {
            QueryKeyNorm = normalisesHeads ? QueryKeyNorm.PerHead : QueryKeyNorm.None,
        };
        using var model = (Sliced with { Shape = shape }).Model(ScalarType.BFloat16);
        using var gradients = new Gradients(model.Trainable);
        const int tokens = 256;
        var perToken = 2L * model.Config.RotarySize * sizeof(ushort) + 4 * sizeof(long);
        long Taken(int slice)
        {
            using var pass = new OptimizedPass(
                model, OptimizedSupport.Kernels(model), Checkpointing.Full, slice: slice);
            var bytes = pass.BytesFor(new BatchShape(tokens, 1, tokens), free: null);
            // A shorter batch has the same slices.
            pass.Run(OptimizedPassTests.Rows([tokens], model.Config.VocabularySize), 1, default);
            pass.Run(OptimizedPassTests.Rows([tokens / 4], model.Config.VocabularySize), 1, default);
            Assert.Equal(pass.HeldBytes, bytes.Total - bytes.Attention - tokens * perToken);
            return pass.HeldBytes;
        }

        var rows = 3L * shape.IntermediateSize * sizeof(ushort); // gate, up, activation
        var apart = sizeof(ushort) * (shape.HeadCount + 2L * shape.KeyValueHeadCount) * shape.HeadSize;
        var rotated = normalisesHeads ? apart - sizeof(ushort) * (long)shape.KeyValueHeadCount * shape.HeadSize : 0;
        Assert.Equal((tokens - Slice) * rows - tokens * (apart + rotated), Taken(FeedForwardSlice.Rows) - Taken(Slice));
    }
}
