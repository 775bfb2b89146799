using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>
/// A kernel in two widths: 16 bytes at once where all of its matrices allow it, else single elements.
/// </summary>
/// <param name="module">Where it is.</param>
/// <param name="name">Its name without the width.</param>
/// <param name="startsEarly">Whether it waits itself for what the kernel before it writes.</param>
internal sealed unsafe class AlignedKernel(CudaModule module, string name, bool startsEarly = false)
{
    private const int Wide = 8;
    private const int Bytes = 16;

    private readonly CudaKernel _wide = module.Kernel($"{name}_{Wide}", startsEarly);
    private readonly CudaKernel _narrow = module.Kernel($"{name}_1", startsEarly);

    /// <summary>The kernel for these matrices, and the elements it handles at once.</summary>
    public (int Width, CudaKernel Kernel) For(Matrix a) => Choose(Fits(a));

    /// <inheritdoc cref="For(Matrix)"/>
    public (int Width, CudaKernel Kernel) For(Matrix a, Matrix b) => Choose(Fits(a) && Fits(b));

    /// <inheritdoc cref="For(Matrix)"/>
    public (int Width, CudaKernel Kernel) For(Matrix a, Tensor vector) => Choose(Fits(a) && Fits(vector));

    /// <inheritdoc cref="For(Matrix)"/>
    public (int Width, CudaKernel Kernel) For(Matrix a, Matrix b, Tensor vector) =>
        Choose(Fits(a) && Fits(b) && Fits(vector));

    /// <inheritdoc cref="For(Matrix)"/>
    public (int Width, CudaKernel Kernel) For(Matrix a, Matrix b, Matrix c, Tensor vector) =>
        Choose(Fits(a) && Fits(b) && Fits(c) && Fits(vector));

    /// <inheritdoc cref="For(Matrix)"/>
    public (int Width, CudaKernel Kernel) For(Matrix a, Matrix b, Matrix c, Matrix d, Tensor vector) =>
        Choose(Fits(a) && Fits(b) && Fits(c) && Fits(d) && Fits(vector));

    /// <inheritdoc cref="For(Matrix)"/>
    public (int Width, CudaKernel Kernel) For(
        Matrix a, Matrix b, Matrix c, Matrix d, Matrix e, Tensor vector) =>
        Choose(Fits(a) && Fits(b) && Fits(c) && Fits(d) && Fits(e) && Fits(vector));

    /// <summary>The kernel for anything else.</summary>
    public (int Width, CudaKernel Kernel) Choose(bool wide) => wide ? (Wide, _wide) : (1, _narrow);

    /// <summary>Whether rows begin at, and consist of, 16 bytes.</summary>
    public static bool Fits(Matrix matrix) =>
        ((nint)matrix.Pointer % Bytes | matrix.Pitch % Wide | matrix.Columns % Wide) == 0;

    /// <summary>Whether it begins at a multiple of 16 bytes.</summary>
    public static bool Fits(Tensor vector) => (nint)TensorMemory.Address(vector) % Bytes == 0;
}
