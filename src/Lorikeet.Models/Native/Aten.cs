using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>
/// Operations of libtorch that write into a tensor which exists, through its stable C interface: no allocation, no
/// autograd, a third of the cost of a call through TorchSharp.
/// </summary>
/// <remarks>
/// TorchSharp's handles are the <c>at::Tensor*</c> that interface takes. Reference:
/// torch/csrc/inductor/aoti_torch/c/shim.h.
/// </remarks>
internal static class Aten
{
    private const string Library = "torch_cpu";

    /// <summary>result = a b, for matrices on any device.</summary>
    public static void Multiply(Tensor result, Tensor a, Tensor b) =>
        Require(aoti_torch_mm_out(result.Handle, a.Handle, b.Handle), "mm", result, a, b);

    /// <summary>result += factor · a b.</summary>
    public static void AddProduct(Tensor result, Tensor a, Tensor b, double factor = 1) => Require(
        aoti_torch_addmm_out(result.Handle, result.Handle, a.Handle, b.Handle, 1, (float)factor), "addmm", result, a,
        b);

    /// <summary>result[i] = a[i] b[i] for each matrix of a stack.</summary>
    public static void MultiplyEach(Tensor result, Tensor a, Tensor b) =>
        Require(aoti_torch_bmm_out(result.Handle, a.Handle, b.Handle), "bmm", result, a, b);

    private static void Require(int status, string operation, Tensor result, Tensor a, Tensor b)
    {
        if (status == 0)
            return;
        throw new InvalidOperationException(
            $"{operation} of {Shape(a)} and {Shape(b)} into {Shape(result)} failed; libtorch wrote the reason to " +
            "stderr.");
    }

    private static string Shape(Tensor tensor) =>
        $"[{string.Join(", ", tensor.shape)}] {tensor.dtype} on {tensor.device}";

    [DllImport(Library)]
    private static extern int aoti_torch_mm_out(nint result, nint a, nint b);

    [DllImport(Library)]
    private static extern int aoti_torch_bmm_out(nint result, nint a, nint b);

    [DllImport(Library)]
    private static extern int aoti_torch_addmm_out(nint result, nint self, nint a, nint b, float beta, float alpha);
}
