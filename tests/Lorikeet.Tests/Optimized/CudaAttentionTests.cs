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

    [Theory]
    [MemberData(nameof(Cases))]
    public void AttendAndBackward_EqualAutograd(int heads, int keyValueHeads, int headSize, int? window, int[] starts) =>
        RequireEqual(heads, keyValueHeads, headSize, window, starts, null);

    [Theory]
    [MemberData(nameof(Cases))]
    public void NormalisedHeads_EqualAutograd(int heads, int keyValueHeads, int headSize, int? window, int[] starts)
    {
        using var norms = new HeadNorms(Weight(headSize), Weight(headSize));
        RequireEqual(heads, keyValueHeads, headSize, window, starts, norms);
    }

    private static Tensor Weight(int columns) =>
        randn([columns], ScalarType.Float32, Device).Times(0.3).Plus(1).to_type(ScalarType.BFloat16);

    private static void RequireEqual(
        int heads, int keyValueHeads, int headSize, int? window, int[] starts, HeadNorms? norms)
    {
        var shape = new AttentionShape(heads, keyValueHeads, headSize, window);
        var tokens = starts[^1];
        using var kernels = Kernels(shape);
        using var layout = new SegmentLayout(starts, Device);
        using var sequences = Rotation(layout, headSize);
        using var qkv = Random(tokens, shape.FusedWidth, gap: 16);
        using var gradient = Random(tokens, heads * headSize, gap: 8);
        using var result = Unwritten(tokens, shape.FusedWidth, gap: 8);

        var leaf = Wide(qkv).detach().requires_grad_(true);
        var expected = Reference(leaf, shape, sequences, norms);
        expected.backward([Wide(gradient)]);

        for (var run = 0; run < 2; run++) // the second with what the first has kept
        {
            using var input = Random(tokens, shape.FusedWidth, gap: 16);
            using var rotated = Unwritten(tokens, shape.RotatedWidth, gap: 8);
            input.Tensor.copy_(qkv.Tensor);
            var given = norms is null ? new AttentionInput(input) : new AttentionInput(input, rotated, norms);
            using var output = kernels.Attend(given, sequences);
            Close(expected.detach(), output.Attended, Tolerance, "attended");
            rotated.Tensor.Fill(double.NaN); // what another layer does to it
            kernels.AttendBackward(given, output, gradient, sequences, result);
            var width = heads * headSize;
            Close(leaf.grad!, result, Tolerance, "gradient");
            Close(leaf.grad!.narrow(1, 0, width), result.Tensor.narrow(1, 0, width), Tolerance, "gradient of queries");
            result.Tensor.Fill(double.NaN);
        }
    }

    private static Sequences Rotation(SegmentLayout layout, int headSize)
    {
        var angles = layout.Positions.to_type(ScalarType.Float32).unsqueeze(1)
            * TensorArithmetic.Range(headSize / 2, ScalarType.Float32, Device).Times(-2.0 / headSize * Math.Log(10000)).exp();
        var both = cat([angles, angles], 1);
        return new Sequences(layout, both.cos().to_type(ScalarType.BFloat16), both.sin().to_type(ScalarType.BFloat16));
    }

    /// <summary>Every score is computed, and those no position may see are masked.</summary>
    private static Tensor Reference(Tensor qkv, AttentionShape shape, Sequences sequences, HeadNorms? norms)
    {
        var (tokens, size) = (qkv.shape[0], shape.HeadSize);
        var (cosine, sine) = (Wide(sequences.Cosine).unsqueeze(1), Wide(sequences.Sine).unsqueeze(1));
        Tensor Heads(int first, int count) => qkv.narrow(1, first * size, count * size).view(tokens, count, size);
        Tensor ByHead(Tensor x) => x.repeat_interleave(shape.Heads / x.shape[1], dim: 1).transpose(0, 1); // [heads, tokens, size]

        Tensor Normalised(Tensor x, Tensor? weight)
        {
            using var norm = weight is null ? null : new RmsNorm("norm", weight.alias(), 1e-5);
            return norm?.Forward(x) ?? x;
        }

        var query = ByHead(RotaryEmbedding.Rotate(Normalised(Heads(0, shape.Heads), norms?.Query), cosine, sine));
        var key = ByHead(RotaryEmbedding.Rotate(
            Normalised(Heads(shape.Heads, shape.KeyValueHeads), norms?.Key), cosine, sine));
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
