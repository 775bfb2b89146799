using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

public class CudaAttentionTests : CudaTestBase
{
    private const double Tolerance = 1e-2;

    public static TheoryData<int, int, int, int?, int[]> Cases => new()
    {
        { 4, 4, 128, null, [0, 256, 512] }, // one length: cuDNN
        { 8, 2, 128, null, [0, 192, 384, 576] }, // grouped queries
        { 32, 4, 64, null, [0, 100, 200] },
        { 3, 3, 32, null, [0, 77] },
        { 2, 2, 256, null, [0, 64, 128] }, // too wide for cuDNN
        { 4, 4, 80, null, [0, 65, 130] }, // halves of 40 elements
        { 4, 4, 128, null, [0, 5, 300, 301, 555] }, // segments of any length
        { 8, 2, 64, null, [0, 17, 200] },
        { 6, 3, 8, null, [0, 9, 30] }, // single elements
        { 4, 2, 64, 16, [0, 128, 256] }, // a window
        { 4, 4, 128, 50, [0, 5, 300, 301, 555] },
        { 4, 4, 64, 4096, [0, 128, 256] }, // a window wider than the segments
    };

    /// <summary>
    /// Over what queries and keys are normalised, in weights of which type, and how much of a head is rotated.
    /// </summary>
    public static TheoryData<QueryKeyNorm, bool, int, int, double> HeadKinds => new()
    {
        { QueryKeyNorm.PerHead, false, 64, 64, 1 }, // Qwen 3
        { QueryKeyNorm.PerHead, true, 256, 256, 0.7 }, // Gemma 3
        { QueryKeyNorm.PerHead, false, 80, 80, 1 },
        { QueryKeyNorm.PerHead, false, 8, 8, 1 }, // single elements
        { QueryKeyNorm.PerHead, true, 64, 48, 1 },
        { QueryKeyNorm.PerHead, false, 64, 0, 1 },
        { QueryKeyNorm.WholeWidth, true, 128, 128, 1 }, // OLMo 2
        { QueryKeyNorm.WholeWidth, false, 40, 40, 1 },
        { QueryKeyNorm.None, false, 128, 96, 1 }, // Phi 4
        { QueryKeyNorm.None, false, 64, 36, 1.5 },
        { QueryKeyNorm.None, false, 64, 0, 1 }, // SmolLM 3
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void AttendAndBackward_EqualAutograd(
        int heads, int keyValueHeads, int headSize, int? window, int[] starts) =>
        RequireEqual(new AttentionShape(heads, keyValueHeads, headSize, window), starts, null);

    [Theory]
    [MemberData(nameof(Cases))]
    public void NormalisedHeads_EqualAutograd(int heads, int keyValueHeads, int headSize, int? window, int[] starts)
    {
        using var norms = new HeadNorms(Weight(headSize, false), Weight(headSize, false));
        RequireEqual(new AttentionShape(heads, keyValueHeads, headSize, window), starts, norms);
    }

    [Theory]
    [MemberData(nameof(HeadKinds))]
    public void HeadsOfAllKinds_EqualAutograd(
        QueryKeyNorm kind, bool isFloat, int headSize, int rotarySize, double scale)
    {
        var shape = new AttentionShape(6, 3, headSize, null)
        {
            RotarySize = rotarySize,
            Scale = (float)(scale / Math.Sqrt(headSize)),
        };
        var perHead = kind == QueryKeyNorm.PerHead;
        using var norms = kind == QueryKeyNorm.None ? null : new HeadNorms(
            Weight(perHead ? headSize : shape.QueryWidth, isFloat), Weight(perHead ? headSize : 3 * headSize, isFloat));
        RequireEqual(shape, [0, 128, 256], norms);
        RequireEqual(shape, [0, 5, 133, 200], norms);
    }

    private static Tensor Weight(int columns, bool isFloat) => randn([columns], ScalarType.Float32, Device).Times(0.3)
        .Plus(1).to_type(isFloat ? ScalarType.Float32 : ScalarType.BFloat16);

    private static void RequireEqual(AttentionShape shape, int[] starts, HeadNorms? norms)
    {
        var tokens = starts[^1];
        using var kernels = Kernels();
        using var layout = new SegmentLayout(starts, Device);
        using var sequences = new Sequences(
            layout, [shape.RotarySize == 0 ? null : RotationOf(layout, shape.RotarySize)]);
        using var qkv = Random(tokens, shape.FusedWidth, gap: 16);
        using var gradient = Random(tokens, shape.QueryWidth, gap: 8);
        using var result = Unwritten(tokens, shape.FusedWidth, gap: 8);

        var leaf = Wide(qkv).detach().requires_grad_(true);
        var expected = Reference(leaf, shape, sequences, norms);
        expected.backward([Wide(gradient)]);

        for (var run = 0; run < 2; run++) // the second with what the first has kept
        {
            using var input = Random(tokens, shape.FusedWidth, gap: 16);
            using var rotated = Unwritten(tokens, shape.RotatedWidth, gap: 8);
            input.Tensor.copy_(qkv.Tensor);
            var rotation = sequences.Rotations[0];
            var given = norms is null
                ? new AttentionInput(shape, rotation, input)
                : new AttentionInput(shape, rotation, input, rotated, norms);
            using var output = kernels.Attend(given, sequences);
            Close(expected.detach(), output.Attended, Tolerance, "attended");
            rotated.Tensor.Fill(double.NaN); // what another layer does to it
            kernels.AttendBackward(given, output, gradient, sequences, result);
            var width = shape.QueryWidth;
            Close(leaf.grad!, result, Tolerance, "gradient");
            Close(leaf.grad!.narrow(1, 0, width), result.Tensor.narrow(1, 0, width), Tolerance, "gradient of queries");
            result.Tensor.Fill(double.NaN);
        }
    }

    private static Rotation RotationOf(SegmentLayout layout, int rotarySize)
    {
        var frequencies = TensorArithmetic.Range(rotarySize / 2, ScalarType.Float32, Device)
            .Times(-2.0 / rotarySize * Math.Log(10000)).exp();
        var angles = layout.Positions.to_type(ScalarType.Float32).unsqueeze(1) * frequencies;
        var both = cat([angles, angles], 1).unsqueeze(1);
        return new Rotation(both.cos().to_type(ScalarType.BFloat16), both.sin().to_type(ScalarType.BFloat16));
    }

    /// <summary>Every score is computed, and those no position may see are masked.</summary>
    private static Tensor Reference(Tensor qkv, AttentionShape shape, Sequences sequences, HeadNorms? norms)
    {
        var (tokens, size) = (qkv.shape[0], shape.HeadSize);
        Tensor Heads(int first, int count) => qkv.narrow(1, first * size, count * size).view(tokens, count, size);
        // [heads, tokens, size]
        Tensor ByHead(Tensor x) => x.repeat_interleave(shape.Heads / x.shape[1], dim: 1).transpose(0, 1);

        Tensor Normalised(Tensor x, Tensor? weight)
        {
            if (weight is null)
                return x;
            using var norm = new RmsNorm("norm", weight.alias(), 1e-5);
            return weight.shape[0] == size ? norm.Forward(x) : norm.Forward(x.reshape(tokens, -1)).view_as(x);
        }

        Tensor Rotated(Tensor x) => sequences.Rotations[0] is var (cosine, sine)
            ? RotaryEmbedding.Rotate(x, Wide(cosine).unsqueeze(1), Wide(sine).unsqueeze(1))
            : x;

        var query = ByHead(Rotated(Normalised(Heads(0, shape.Heads), norms?.Query)));
        var key = ByHead(Rotated(Normalised(Heads(shape.Heads, shape.KeyValueHeads), norms?.Key)));
        var value = ByHead(Heads(shape.Heads + shape.KeyValueHeads, shape.KeyValueHeads));
        var scores = matmul(query, key.transpose(1, 2)).Times(shape.Scale);
        var hidden = Visible(sequences.Layout, shape.Window).logical_not();
        var attended = matmul(scores.FilledWhere(hidden, double.NegativeInfinity).softmax(-1), value);
        return attended.transpose(0, 1).reshape(tokens, -1);
    }

    private static Tensor Visible(SegmentLayout layout, int? window)
    {
        var (tokens, starts) = (layout.Tokens, layout.Starts);
        var visible = new bool[tokens * tokens];
        for (var segment = 0; segment < layout.Count; segment++)
        {
            for (var row = starts[segment]; row < starts[segment + 1]; row++)
                for (var column = Math.Max(starts[segment], row + 1 - (window ?? tokens)); column <= row; column++)
                    visible[row * tokens + column] = true;
        }

        return tensor(visible, device: Device).view(tokens, tokens);
    }
}
