using Lorikeet.Models.Native.Cuda;
using static Lorikeet.Models.Native.Cuda.AttentionCalls;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>
/// bfloat16 buffers as tensors of heads, the form attention takes. A view owns no memory and means the same as long as
/// the process runs, so each is made once and kept; a step then makes none.
/// </summary>
internal sealed unsafe class HeadViews(int headSize, int device) : IDisposable
{
    private const int Most = 1 << 14;

    private readonly Dictionary<(nint Data, int Segments, int Length, int Heads, int Pitch), nint> _views = [];

    /// <summary>[segments, heads, length, headSize] of a matrix [segments · length, ...].</summary>
    public nint Grid(byte* data, int segments, int length, int heads, int pitch)
    {
        if (Find((nint)data, segments, length, heads, pitch, out var view))
            return view;
        var sizes = stackalloc long[] { segments, heads, length, headSize };
        var strides = stackalloc long[] { (long)length * pitch, headSize, pitch, 1 };
        return Add((nint)data, segments, length, heads, pitch, Create(data, 4, sizes, strides));
    }

    /// <summary>[tokens, heads, headSize] of a matrix [tokens, ...].</summary>
    public nint Flat(byte* data, int tokens, int heads, int pitch)
    {
        if (Find((nint)data, 0, tokens, heads, pitch, out var view))
            return view;
        var sizes = stackalloc long[] { tokens, heads, headSize };
        var strides = stackalloc long[] { pitch, headSize, 1 };
        return Add((nint)data, 0, tokens, heads, pitch, Create(data, 3, sizes, strides));
    }

    public void Dispose() => Clear();

    private bool Find(nint data, int segments, int length, int heads, int pitch, out nint view) =>
        _views.TryGetValue((data, segments, length, heads, pitch), out view);

    private nint Add(nint data, int segments, int length, int heads, int pitch, nint view) =>
        _views[(data, segments, length, heads, pitch)] = view;

    private nint Create(byte* data, int dimensions, long* sizes, long* strides)
    {
        // Buffers come and go when batches have many shapes; their views would pile up.
        if (_views.Count >= Most)
            Clear();
        nint view;
        var status = aoti_torch_create_tensor_from_blob(
            data, dimensions, sizes, strides, 0, aoti_torch_dtype_bfloat16(), aoti_torch_device_type_cuda(), device,
            &view);
        return status == 0
            ? view
            : throw new InvalidOperationException("libtorch refused a view; it wrote the reason to stderr.");
    }

    private void Clear()
    {
        foreach (var view in _views.Values)
            _ = aoti_torch_delete_tensor_object(view);
        _views.Clear();
    }
}
