using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>GEMV: a few rows times large matrices (Gemv.cu).</summary>
internal sealed class GemvKernels
{
    public const int Threads = 256;

    private const int SmallestBlock = 64;
    private const int Aligned = 16;

    private readonly CudaKernel _dense, _denseGated, _fourBit, _fourBitGated;

    /// <param name="module">The compiled file.</param>
    /// <param name="rows">Rows of the vectors; 4-bit kernels take four or eight.</param>
    public GemvKernels(CudaModule module, int rows)
    {
        var width = rows <= 4 ? 4 : 8;
        ProjectDown = module.Kernel("projectDown");
        (_dense, _denseGated) = (module.Kernel("gemv_dense"), module.Kernel("gemv_dense_gated"));
        (_fourBit, _fourBitGated) = (
            module.Kernel($"gemv_four_bit_{width}"), module.Kernel($"gemv_four_bit_gated_{width}"));
    }

    /// <summary>u = A x, the down-projection of all adapters.</summary>
    public CudaKernel ProjectDown { get; }

    /// <summary>The kernel for a kind of weight.</summary>
    public CudaKernel For(FrozenWeight weight, bool isGated) =>
        weight is FourBitWeight ? isGated ? _fourBitGated : _fourBit : isGated ? _denseGated : _dense;

    /// <summary>Whether projections that share their input can be one fused GEMV.</summary>
    public static bool Fit(IReadOnlyList<Projection> projections) => projections[0].Weight.Columns % 32 == 0
        && (projections.All(projection => IsDense(projection.Weight))
            || (projections[0].Weight.Columns % 128 == 0
                && projections.All(projection => IsFourBit(projection.Weight))));

    private static unsafe bool IsDense(FrozenWeight weight) =>
        weight is DenseWeight { Value: var value } && value.dtype == ScalarType.BFloat16 && value.is_contiguous()
        && (nint)TensorMemory.Address(value) % Aligned == 0;

    private static unsafe bool IsFourBit(FrozenWeight weight) =>
        weight is FourBitWeight fourBit && fourBit.BlockSize >= SmallestBlock
        && (nint)TensorMemory.Address(fourBit.Packed) % Aligned == 0;
}

/// <summary>A GEMV as the kernels take it (<c>Gemv</c> in Gemv.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Gemv
{
    public Parts All;
    public fixed float Values[16];
    public nint LoraHidden;
    public int Count;
    public int Columns;
    public int FactorPitch;
    public int LoraPitch;

    [InlineArray(3)]
    internal struct Parts
    {
        private Part _first;
    }

    /// <summary>One projection (<c>GemvPart</c>).</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Part
    {
        public nint Weight;
        public ScalePlaces Scales;
        public nint Bias;
        public nint Factor;
        public int Rows;
        public int FirstRow;
        public int Rank;
        public int FirstRank;
    }
}
