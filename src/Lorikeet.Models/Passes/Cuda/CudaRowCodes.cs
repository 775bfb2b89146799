using System.Runtime.InteropServices;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>
/// The kernels before a product that write the rows it reads in FP8 as well (RowCodes.cu). Each returns false, and does
/// nothing, where no codes are wanted or the matrices are not made for it.
/// </summary>
/// <param name="device">Where they run.</param>
internal sealed unsafe class CudaRowCodes(CudaDevice device)
{
    private const int Threads = 256;
    private const int WideThreads = 512;
    private const int MostSharedBytes = 200 << 10;

    private readonly Dictionary<(string Name, int Columns), CudaKernel> _kernels = [];
    private CudaModule? _module;

    /// <summary><see cref="IDecoderKernels.RmsNorm"/>, with the codes of y.</summary>
    public bool RmsNorm<TNorm>(Matrix x, TNorm norm, Matrix y, bool isAligned) where TNorm : unmanaged
    {
        if (!isAligned || !Takes(y, x))
            return false;
        Kernel("rms_norm_codes", y).Launch(y.Rows, Threads, new MatrixView(x), norm, new MatrixView(y), Wanted(y));
        return true;
    }

    /// <summary><see cref="IDecoderKernels.AddRmsNorm"/>, with the codes of y.</summary>
    public bool AddRmsNorm<TNorm>(
        Matrix x, Matrix delta, float scale, TNorm norm, Matrix sum, Matrix y, bool isAligned) where TNorm : unmanaged
    {
        if (!isAligned || !Takes(y, x, delta, sum))
            return false;
        Kernel("add_rms_norm_codes", y).Launch(
            y.Rows, Threads, new MatrixView(x), new MatrixView(delta), scale, norm, new MatrixView(sum),
            new MatrixView(y), Wanted(y));
        return true;
    }

    /// <summary><see cref="IDecoderKernels.RmsNormBackward"/>, with the codes of dx.</summary>
    public bool RmsNormBackward<TMatrices, TNorm>(TMatrices matrices, TNorm norm, Matrix dx, bool isAligned)
        where TMatrices : unmanaged where TNorm : unmanaged
    {
        if (!isAligned || !Takes(dx))
            return false;
        Kernel("rms_norm_backward_codes", dx).Launch(dx.Rows, Threads, matrices, norm, Wanted(dx));
        return true;
    }

    /// <summary><see cref="IDecoderKernels.Gate"/>, with the codes of the activation.</summary>
    public bool Gate(GateActivation kind, Matrix gateUp, Matrix activation)
    {
        if (!Takes(activation, gateUp))
            return false;
        Kernel($"{NameOf(kind)}_gate_codes", activation).Launch(
            activation.Rows, WideThreads, new MatrixView(gateUp), new MatrixView(activation), Wanted(activation));
        return true;
    }

    /// <summary><see cref="IDecoderKernels.GateBackward"/>, with the codes of the gradient of gate and up.</summary>
    public bool GateBackward(GateActivation kind, Matrix gateUp, Matrix activation)
    {
        if (!Takes(gateUp, activation))
            return false;
        Kernel($"{NameOf(kind)}_gate_backward_codes", gateUp).Launch(
            gateUp.Rows, WideThreads, new MatrixView(gateUp), new MatrixView(activation), Wanted(gateUp));
        return true;
    }

    private static string NameOf(GateActivation kind) => kind == GateActivation.Silu ? "silu" : "gelu";

    private static bool Takes(Matrix written, params ReadOnlySpan<Matrix> others)
    {
        if (written.Codes is null || !AlignedKernel.Fits(written)
            || written.Columns * sizeof(ushort) > MostSharedBytes)
            return false;
        foreach (var other in others)
            if (!AlignedKernel.Fits(other))
                return false;
        return true;
    }

    private CudaKernel Kernel(string name, Matrix written)
    {
        if (_kernels.TryGetValue((name, written.Columns), out var kernel))
            return kernel;
        _module ??= new CudaModule(device, "Elements", "Norms", "Elementwise", "Float8", "RowCodes");
        return _kernels[(name, written.Columns)] =
            _module.Kernel(name).With(sharedBytes: written.Columns * sizeof(ushort));
    }

    private static Places Wanted(Matrix written)
    {
        var codes = written.Codes!;
        codes.AreWritten = true;
        return new Places(
            codes.ColumnScales is null ? 0 : Address(codes.ColumnScales), (nint)codes.Codes.Pointer,
            (nint)codes.Scales.Pointer);
    }

    private static nint Address(Tensor tensor) => (nint)TensorMemory.Address(tensor);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Places(nint ColumnScales, nint Codes, nint Scales);
}
