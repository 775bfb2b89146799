using Lorikeet.Models.Native.Cuda;
using static Lorikeet.Models.Native.Cuda.AttentionCalls;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>cuDNN's causal attention, the fastest on Hopper; for batches whose segments have one length.</summary>
internal sealed unsafe class CudnnAttention : IDisposable
{
    private const int LargestHead = 128;

    private readonly AttentionShape _shape;
    private readonly HeadViews _views;
    private readonly nint _undefined;
    private double _scale;

    public CudnnAttention(AttentionShape shape, HeadViews views)
    {
        (_shape, _views, _scale) = (shape, views, shape.Scale);
        nint undefined;
        _ = aoti_torch_new_uninitialized_tensor(&undefined);
        _undefined = undefined;
    }

    /// <summary>Whether cuDNN takes heads of this shape.</summary>
    public static bool Takes(AttentionShape shape) => shape.HeadSize % 8 == 0 && shape.HeadSize <= LargestHead;

    /// <summary>Attends; null where cuDNN refuses.</summary>
    public AttentionOutput? Forward(AttentionInput input, int segments, int length)
    {
        var (query, key, value) = Split(input, segments, length);
        nint output, logSumExp, startsQuery, startsKey, seed, offset, debug;
        long longestQuery, longestKey;
        int status;
        fixed (double* scale = &_scale)
        {
            status = aoti_torch_cuda__scaled_dot_product_cudnn_attention(
                query, key, value, null, 1, 0, 1, 0, scale,
                &output, &logSumExp, &startsQuery, &startsKey, &longestQuery, &longestKey, &seed, &offset, &debug);
        }

        if (status != 0)
            return null;
        Delete(startsQuery);
        Delete(startsKey);
        Delete(debug);
        var attended = Flatten(output, input.Qkv.Rows, length);
        Delete(output);
        if (attended is not null)
            return new AttentionOutput(attended, Own(logSumExp), Own(seed), Own(offset));

        Delete(logSumExp);
        Delete(seed);
        Delete(offset);
        return null;
    }

    /// <summary>Gradients of rotated queries and keys, and of values; null where cuDNN refuses.</summary>
    public HeadGradients? Backward(
        AttentionInput input, AttentionOutput output, Matrix gradient, SegmentRange range)
    {
        var (first, count, length) = range;
        var (query, key, value) = Split(input.RowRange(range.FirstToken, range.Tokens), count, length);
        var logSumExp = LogSumExp(output.Saved[0].Handle, first, count, length);
        nint queryGradient, keyGradient, valueGradient;
        int status;
        fixed (double* scale = &_scale)
        {
            status = aoti_torch_cuda__scaled_dot_product_cudnn_attention_backward(
                Grid(gradient, range), query, key, value, Grid(output.Attended, range),
                logSumExp, output.Saved[1].Handle, output.Saved[2].Handle,
                _undefined, _undefined, _undefined, length, length, 0, 1, scale,
                &queryGradient, &keyGradient, &valueGradient);
        }

        Delete(logSumExp);
        return status == 0 ? new HeadGradients(queryGradient, keyGradient, valueGradient, length) : null;
    }

    public void Dispose() => Delete(_undefined);

    private (nint Query, nint Key, nint Value) Split(AttentionInput input, int segments, int length)
    {
        var (qkv, rotated) = (input.Qkv, input.Rotated);
        var keys = rotated.Pointer + sizeof(ushort) * (long)_shape.QueryWidth;
        var values = qkv.Pointer + sizeof(ushort) * (long)_shape.RotatedWidth;
        return (
            _views.Grid(rotated.Pointer, segments, length, _shape.Heads, rotated.Pitch),
            _views.Grid(keys, segments, length, _shape.KeyValueHeads, rotated.Pitch),
            _views.Grid(values, segments, length, _shape.KeyValueHeads, qkv.Pitch));
    }

    private nint Grid(Matrix heads, SegmentRange range) => _views.Grid(
        heads.RowRange(range.FirstToken, range.Tokens).Pointer, range.Count, range.Length, _shape.Heads, heads.Pitch);

    /// <summary>[count, heads, length, 1] of what belongs to all segments.</summary>
    private nint LogSumExp(nint all, int first, int count, int length)
    {
        long* strides;
        _ = aoti_torch_get_strides(all, &strides);
        var sizes = stackalloc long[] { count, _shape.Heads, length, 1 };
        var own = stackalloc long[] { strides[0], strides[1], strides[2], strides[3] };
        nint view;
        return aoti_torch__reinterpret_tensor(all, 4, sizes, own, first * strides[0], &view) == 0
            ? view
            : throw new InvalidOperationException(
                "libtorch refused a view of attention's sums; it wrote the reason to stderr.");
    }

    /// <summary>
    /// [segments, heads, length, headSize] as [tokens, heads · headSize]: it was laid out like the queries.
    /// </summary>
    private Matrix? Flatten(nint output, int tokens, int length)
    {
        var width = (long)_shape.Heads * _shape.HeadSize;
        long* strides;
        _ = aoti_torch_get_strides(output, &strides);
        var rowMajor = strides[1] == _shape.HeadSize && strides[3] == 1
            && (strides[2] == width || length == 1) && (strides[0] == length * width || tokens == length);
        return rowMajor ? Heads.Reshape(output, tokens, width) : null;
    }

    private static Tensor Own(nint handle) => Heads.Own(handle);

    private static void Delete(nint handle) => _ = aoti_torch_delete_tensor_object(handle);
}
