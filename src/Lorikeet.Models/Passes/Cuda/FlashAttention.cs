using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;
using static Lorikeet.Models.Native.Cuda.AttentionCalls;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>
/// Flash attention 2 over segments of any lengths (arXiv 2307.08691), causal, with a window if the model has one.
/// </summary>
internal sealed unsafe class FlashAttention(AttentionShape shape, HeadViews views)
{
    /// <summary>Widest head it takes; widths are multiples of 8.</summary>
    public const int LargestHead = 256;

    private double _scale = shape.Scale;

    public AttentionOutput Forward(AttentionInput input, Sequences sequences)
    {
        var (query, key, value) = Split(input);
        var (starts, layout) = (sequences.Starts.Handle, sequences.Layout);
        var (left, right) = Window(layout);
        nint output, logSumExp, randomState, unused, debug;
        int status;
        fixed (double* scale = &_scale)
        {
            status = aoti_torch_cuda__flash_attention_forward(
                query, key, value, &starts, &starts, layout.Longest, layout.Longest, 0, 1, 0, scale, &left, &right,
                null, null, &output, &logSumExp, &randomState, &unused, &debug);
        }

        Require(status, input.Qkv, layout.Count, layout.Longest, bytes => bytes.Output);
        var attended = Heads.Reshape(output, input.Qkv.Rows, shape.QueryWidth);
        _ = aoti_torch_delete_tensor_object(output);
        _ = aoti_torch_delete_tensor_object(debug);
        return new AttentionOutput(attended, Heads.Own(logSumExp), Heads.Own(randomState), Heads.Own(unused));
    }

    /// <summary>
    /// The last tokens of each segment attend to all of it, causally; their queries, keys and values are rotated.
    /// </summary>
    /// <param name="qkv">[tokens, (heads + 2 · keyValueHeads) · headSize]; its queries are read.</param>
    /// <param name="keys">[lengths, keyValueHeads · headSize].</param>
    /// <param name="values">As the keys.</param>
    /// <param name="segments">Where their tokens and keys lie.</param>
    /// <returns>[tokens, heads · headSize]; the caller's.</returns>
    public Matrix Attend(Matrix qkv, Matrix keys, Matrix values, AttendedSegments segments)
    {
        var query = views.Flat(qkv.Pointer, qkv.Rows, shape.Heads, qkv.Pitch);
        var key = views.Flat(keys.Pointer, keys.Rows, shape.KeyValueHeads, keys.Pitch);
        var value = views.Flat(values.Pointer, values.Rows, shape.KeyValueHeads, values.Pitch);
        var (startsQuery, startsKey) = (segments.QueryStarts.Handle, segments.KeyStarts.Handle);
        var (left, right) = shape.Window is { } seen && seen < segments.Longest ? (seen - 1L, 0L) : (-1L, 0L);
        nint output, logSumExp, randomState, unused, debug;
        int status;
        fixed (double* scale = &_scale)
        {
            status = aoti_torch_cuda__flash_attention_forward(
                query, key, value, &startsQuery, &startsKey, segments.MostTokens, segments.Longest, 0, 1, 0, scale,
                &left, &right, null, null, &output, &logSumExp, &randomState, &unused, &debug);
        }

        Require(status, qkv, segments.QueryStarts.shape[0] - 1, segments.Longest, bytes => bytes.Output);
        var attended = Heads.Reshape(output, qkv.Rows, (long)shape.Heads * shape.HeadSize);
        foreach (var other in (nint[])[output, logSumExp, randomState, unused, debug])
            _ = aoti_torch_delete_tensor_object(other);
        return attended;
    }

    public HeadGradients Backward(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences)
    {
        var (query, key, value) = Split(input);
        var (starts, layout) = (sequences.Starts.Handle, sequences.Layout);
        var (left, right) = Window(layout);
        nint queryGradient, keyGradient, valueGradient;
        int status;
        fixed (double* scale = &_scale)
        {
            status = aoti_torch_cuda__flash_attention_backward(
                Flat(gradient), query, key, value, Flat(output.Attended), output.Saved[0].Handle, starts, starts,
                layout.Longest, layout.Longest, 0, 1, output.Saved[1].Handle, output.Saved[2].Handle, scale,
                &left, &right, &queryGradient, &keyGradient, &valueGradient);
        }

        Require(status, input.Qkv, layout.Count, layout.Longest, bytes => bytes.Backward);
        return new HeadGradients(queryGradient, keyGradient, valueGradient, input.Qkv.Rows);
    }

    /// <summary>Tokens seen to the left and right of a position's own; -1 for all.</summary>
    private (long Left, long Right) Window(SegmentLayout layout) =>
        shape.Window is { } seen && seen < layout.Longest ? (seen - 1, 0) : (-1, 0);

    private (nint Query, nint Key, nint Value) Split(AttentionInput input)
    {
        var (qkv, rotated) = (input.Qkv, input.Rotated);
        var keys = rotated.Pointer + sizeof(ushort) * (long)shape.QueryWidth;
        var values = qkv.Pointer + sizeof(ushort) * (long)shape.RotatedWidth;
        return (
            views.Flat(rotated.Pointer, qkv.Rows, shape.Heads, rotated.Pitch),
            views.Flat(keys, qkv.Rows, shape.KeyValueHeads, rotated.Pitch),
            views.Flat(values, qkv.Rows, shape.KeyValueHeads, qkv.Pitch));
    }

    private nint Flat(Matrix heads) => views.Flat(heads.Pointer, heads.Rows, shape.Heads, heads.Pitch);

    private void Require(int status, Matrix heads, long rows, int longest, Func<AttentionBytes, long> needed)
    {
        if (status == 0)
            return;
        // The call says only that it failed. One row more, or cuDNN would be counted for rows of one length.
        var batch = new BatchShape(heads.Rows, (int)rows + 1, longest);
        CudaMemory.RequireRoom(heads.Tensor.device, needed(CudaAttention.BytesOf(shape, batch)));
        throw new InvalidOperationException(
            $"Flash attention of {shape.Heads} heads of {shape.HeadSize} failed; libtorch wrote the reason to " +
            "stderr. Train with 'optimized' false.");
    }
}

/// <summary>Segments of which the last tokens attend.</summary>
/// <param name="QueryStarts">int32 [segments + 1]: where each one's tokens begin, and the last ends.</param>
/// <param name="KeyStarts">The same of all its keys.</param>
/// <param name="MostTokens">Tokens of a segment that attend.</param>
/// <param name="Longest">Keys of a segment.</param>
internal readonly record struct AttendedSegments(
    torch.Tensor QueryStarts, torch.Tensor KeyStarts, int MostTokens, int Longest);
