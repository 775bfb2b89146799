using System.Runtime.InteropServices;
using Lorikeet.Models.Native.Cuda;
using static Lorikeet.Models.Native.Cuda.AttentionCalls;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>The gradients of queries, keys and values as libtorch returned them; owns them.</summary>
internal readonly unsafe struct HeadGradients(nint query, nint key, nint value, int segmentLength) : IDisposable
{
    /// <summary>Where they lie, as kernels take it (<c>AttentionGradients</c> in Rotary.cu).</summary>
    public Places Describe() =>
        new()
        {
            Query = new HeadTensor(query),
            Key = new HeadTensor(key),
            Value = new HeadTensor(value),
            SegmentLength = segmentLength
        };

    public void Dispose()
    {
        _ = aoti_torch_delete_tensor_object(query);
        _ = aoti_torch_delete_tensor_object(key);
        _ = aoti_torch_delete_tensor_object(value);
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Places
    {
        public HeadTensor Query, Key, Value;
        public int SegmentLength;

        public readonly bool IsAligned => Query.IsAligned && Key.IsAligned && Value.IsAligned;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct HeadTensor
    {
        private readonly nint _data;
        private readonly long _batch;
        private readonly long _token;
        private readonly long _head;

        /// <param name="tensor">
        /// [batch, heads, tokens, headSize] from cuDNN, [tokens, heads, headSize] from flash attention.
        /// </param>
        public HeadTensor(nint tensor)
        {
            void* data;
            long* strides;
            long dimensions;
            _ = aoti_torch_get_data_ptr(tensor, &data);
            _ = aoti_torch_get_strides(tensor, &strides);
            _ = aoti_torch_get_dim(tensor, &dimensions);
            _data = (nint)data;
            (_batch, _token, _head) = dimensions == 4
                ? (strides[0], strides[2], strides[1])
                : (0, strides[0], strides[1]);
        }

        /// <summary>Whether every head begins at a multiple of 16 bytes.</summary>
        public bool IsAligned => (_data % 16 | _batch % 8 | _token % 8 | _head % 8) == 0;
    }
}
