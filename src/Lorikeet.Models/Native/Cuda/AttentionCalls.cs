using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// Attention of libtorch's CUDA library, called below the dispatcher: no autograd, no copies. Results are new handles.
/// </summary>
/// <remarks>
/// Reference: torch/csrc/inductor/aoti_torch/generated/c_shim_cuda.h and c/shim.h, torch 2.10 and 2.11.
/// </remarks>
internal static unsafe class AttentionCalls
{
    private const string Cuda = "torch_cuda";
    private const string Core = "torch_cpu";

    [DllImport(Cuda)]
    public static extern int aoti_torch_cuda__scaled_dot_product_cudnn_attention(
        nint query, nint key, nint value, nint* bias, int computeLogSumExp, double dropout, int isCausal, int debugMask,
        double* scale, nint* output, nint* logSumExp, nint* startsQuery, nint* startsKey, long* longestQuery,
        long* longestKey, nint* seed, nint* offset, nint* debug);

    [DllImport(Cuda)]
    public static extern int aoti_torch_cuda__scaled_dot_product_cudnn_attention_backward(
        nint gradient, nint query, nint key, nint value, nint output, nint logSumExp, nint seed, nint offset, nint bias,
        nint startsQuery, nint startsKey, long longestQuery, long longestKey, double dropout, int isCausal,
        double* scale,
        nint* queryGradient, nint* keyGradient, nint* valueGradient);

    [DllImport(Cuda)]
    public static extern int aoti_torch_cuda__flash_attention_forward(
        nint query, nint key, nint value, nint* startsQuery, nint* startsKey, long longestQuery, long longestKey,
        double dropout, int isCausal, int debugMask, double* scale, long* windowLeft, long* windowRight, nint* usedKeys,
        nint* slopes, nint* output, nint* logSumExp, nint* randomState, nint* unused, nint* debug);

    [DllImport(Cuda)]
    public static extern int aoti_torch_cuda__flash_attention_backward(
        nint gradient, nint query, nint key, nint value, nint output, nint logSumExp, nint startsQuery, nint startsKey,
        long longestQuery, long longestKey, double dropout, int isCausal, nint randomState, nint unused, double* scale,
        long* windowLeft, long* windowRight, nint* queryGradient, nint* keyGradient, nint* valueGradient);

    [DllImport(Core)]
    public static extern int aoti_torch_create_tensor_from_blob(
        void* data, long dimensions, long* sizes, long* strides, long offset, int type, int deviceType, int device,
        nint* result);

    [DllImport(Core)]
    public static extern int aoti_torch__reinterpret_tensor(
        nint tensor, long dimensions, long* sizes, long* strides, long offset, nint* result);

    [DllImport(Core)]
    public static extern int aoti_torch_new_uninitialized_tensor(nint* result);

    [DllImport(Core)]
    public static extern int aoti_torch_delete_tensor_object(nint tensor);

    [DllImport(Core)]
    public static extern int aoti_torch_get_strides(nint tensor, long** strides);

    [DllImport(Core)]
    public static extern int aoti_torch_get_dim(nint tensor, long* dimensions);

    [DllImport(Core)]
    public static extern int aoti_torch_get_data_ptr(nint tensor, void** data);

    [DllImport(Core)]
    public static extern int aoti_torch_dtype_bfloat16();

    [DllImport(Core)]
    public static extern int aoti_torch_device_type_cuda();
}
