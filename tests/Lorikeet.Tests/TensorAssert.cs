using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Tests;

/// <summary>Comparison of tensors that says how far apart they are.</summary>
internal static class TensorAssert
{
    public static void Far(Tensor first, Tensor second, double distance, string what)
    {
        using var difference = (first - second).abs().max();
        Assert.True(
            difference.item<float>() >= distance, $"{what}: they differ by {difference.item<float>():G3} only.");
    }

    public static void Close(Tensor expected, Tensor actual, double tolerance, string what)
    {
        Assert.Equal(expected.shape, actual.shape);
        using var scope = NewDisposeScope();
        var difference = (expected.to_type(ScalarType.Float64) - actual.to_type(ScalarType.Float64)).abs().max()
            .item<double>();
        Assert.True(difference <= tolerance, $"{what}: largest difference {difference:G3}, allowed {tolerance:G3}.");
    }

    public static Tensor Read(ITensorSource source, string name) => TensorFile.Read(source, name);

    public static int[] Ids(ITensorSource source, string name)
    {
        using var stored = TensorFile.Read(source, name);
        return [.. TensorMemory.Span<long>(stored).ToArray().Select(id => (int)id)];
    }
}
