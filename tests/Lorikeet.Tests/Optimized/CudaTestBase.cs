using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Passes.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>
/// Tests that hold CUDA kernels against plain tensor expressions in float32; skipped where there is no device.
/// </summary>
[Collection(Collection)]
public abstract class CudaTestBase : IDisposable
{
    /// <summary>One after the other: they share the device's random numbers, its queue and its memory.</summary>
    public const string Collection = "CUDA";

    /// <summary>bfloat16 has 8 bits of significand: an error of at most 2^-9, here of a whole result's norm.</summary>
    protected const double Rounding = 4e-3;

    private const double Poison = 7;

    private readonly DisposeScope _scope = NewDisposeScope();

    protected CudaTestBase()
    {
        Assert.SkipUnless(HasDevice, "There is no CUDA device.");
        manual_seed(42);
    }

    internal static Device Device { get; } = new(DeviceType.CUDA, 0);

    internal static bool HasDevice { get; } = LibTorch.Loaded!.HasCuda && LibTorchInstallation.CudaAnswers();

    public virtual void Dispose()
    {
        _scope.Dispose();
        GC.SuppressFinalize(this);
    }

    internal static CudaDecoderKernels Kernels(double epsilon = 1e-5) => new(epsilon, Device);

    /// <summary>Normal numbers; rows are <paramref name="gap"/> elements further apart than they are long.</summary>
    internal static Matrix Random(int rows, int columns, int gap = 0, double scale = 1)
    {
        var wide = empty([rows, columns + gap], ScalarType.BFloat16, Device).Fill(Poison);
        var part = wide.narrow(1, 0, columns);
        part.copy_(randn([rows, columns], ScalarType.Float32, Device).Times(scale));
        return new Matrix(part);
    }

    /// <summary>A matrix nothing has been written to yet.</summary>
    internal static Matrix Unwritten(int rows, int columns, int gap = 0)
    {
        var matrix = Random(rows, columns, gap);
        matrix.Tensor.Fill(double.NaN);
        return matrix;
    }

    internal static Tensor Wide(Matrix matrix) => matrix.Tensor.to_type(ScalarType.Float32);

    /// <summary>The error's norm over the reference's; also that nothing beside the matrix was touched.</summary>
    internal static void Close(Tensor expected, Matrix actual, double tolerance, string what)
    {
        Close(expected, actual.Tensor, tolerance, what);
        var gap = actual.Pitch - actual.Columns;
        if (gap == 0)
            return;
        var beside = actual.Tensor.as_strided(
            [actual.Rows, gap], [actual.Pitch, 1], actual.Tensor.storage_offset() + actual.Columns);
        Assert.True(
            beside.IsEqualTo(Poison).all().item<bool>(), $"{what}: elements between the rows were overwritten.");
    }

    internal static void Close(Tensor expected, Tensor actual, double tolerance, string what)
    {
        Assert.Equal(expected.shape, actual.shape);
        var (wanted, given) = (expected.to_type(ScalarType.Float64), actual.to_type(ScalarType.Float64));
        var error = ((wanted - given).norm() / wanted.norm().ClampedFrom(1e-30)).item<double>();
        Assert.True(error <= tolerance, $"{what}: relative error {error:G3}, allowed {tolerance:G3}.");
    }
}
