using System.Runtime.InteropServices;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>
/// Rotation, the paged cache and attention over it (PagedAttention.cu); parts of prompts by flash attention.
/// </summary>
internal sealed unsafe class PagedAttentionKernels : IDisposable
{
    private const int Threads = 128;
    private const int MostChunks = 32, SmallestChunk = 32;
    private const int ManyPairs = 2048; // rows and heads that occupy a device without dividing their tokens

    /// <summary>Tokens of several sequences that are gathered side by side for flash attention.</summary>
    public const int MostGathered = 4096;

    private readonly AttentionShape _shape;
    private readonly Device _device;
    private readonly CudaKernel _rotateAndAppend, _attend, _attendNew, _gather;
    private readonly HeadViews _views;
    private readonly Dictionary<AttentionShape, FlashAttention> _flash = []; // of layers that see alike
    private readonly CudaBatchRoom _room;
    private readonly Tensor _shares; // float32 [pairs, chunks, headSize + 2]
    private readonly Tensor _counters; // int32 [pairs]
    private List<PartRange> _ranges = []; // of the step
    private Tensor? _starts; // int32: for each range where the rows of each part begin and end, then its tokens

    /// <summary>Compiles them, or takes them from the cache of compiled kernels.</summary>
    public PagedAttentionKernels(AttentionShape shape, CudaBatchRoom room, Device device)
    {
        var own = CudaDevice.Of(Math.Max(device.index, 0));
        (_shape, _room, _device) = (shape, room, device);
        var module = new CudaModule(own, "Elements", "Scales", "Rotary", "Linear", "PagedAttention");
        _rotateAndAppend = module.Kernel("rotate_and_append_paged", startsEarly: true);
        _attend = module.Kernel($"attend_paged_{shape.HeadSize}", startsEarly: true);
        _attendNew = module.Kernel($"attend_new_{shape.HeadSize}", startsEarly: true);
        _gather = module.Kernel("gather_paged");
        _views = new HeadViews(shape.HeadSize, own.Index);
        _shares = empty([ManyPairs, MostChunks, shape.HeadSize + 2], ScalarType.Float32, device)
            .DetachFromDisposeScope();
        _counters = zeros([ManyPairs], ScalarType.Int32, device).DetachFromDisposeScope();
    }

    /// <summary>Uploads what flash attention wants to know of a step's parts; before the step is queued.</summary>
    public void Prepare(IReadOnlyList<SequencePart> parts)
    {
        _ranges = PartRange.Of(parts, MostGathered);
        var starts = new List<int>();
        foreach (var range in _ranges)
        {
            AddStarts(range, part => part.Count);
            AddStarts(range, part => part.Length);
        }

        _starts?.Dispose();
        _starts = tensor(starts.ToArray(), device: _device).DetachFromDisposeScope();

        void AddStarts(PartRange range, Func<SequencePart, int> sizeOf)
        {
            var start = 0;
            starts.Add(start);
            for (var i = range.First; i < range.First + range.Count; i++)
                starts.Add(start += sizeOf(parts[i]));
        }
    }

    /// <summary>Rotates queries in place; rotated keys, and values, go into the cache.</summary>
    public void RotateAndAppend(Matrix qkv, BatchLayer layer, BatchState state)
    {
        var rotation = layer.Rotation!;
        var items = (_shape.Heads + 2 * _shape.KeyValueHeads) * _shape.HeadSize / 16;
        _rotateAndAppend.Launch(
            (long)qkv.Rows * ((items + Threads - 1) / Threads), Threads, new MatrixView(qkv),
            (nint)rotation.Cosine.Pointer, (nint)rotation.Sine.Pointer, new HeadCounts(layer.Shape),
            new LayerPlaces(layer.Cache), new RowPlaces(state, 0));
    }

    /// <summary>
    /// Rows that are each the newest token of a sequence: rotates, appends, and attends, in one launch.
    /// </summary>
    /// <param name="reach">Tokens that the longest sequence has at most.</param>
    public void AttendNew(Matrix qkv, BatchLayer layer, BatchState state, int reach, Matrix attended) =>
        Launch(_attendNew, qkv, new Tables(layer.Rotation!), layer, new RowPlaces(state, 0), reach, attended);

    /// <summary>Rows whose keys and values are in the cache attend to them, up to their own.</summary>
    public void Attend(Matrix qkv, BatchLayer layer, BatchState state, Matrix attended)
    {
        var place = 0; // of a range in the starts
        foreach (var range in _ranges)
        {
            if (range.IsLong)
                AttendByFlash(qkv, layer, state, range, place, attended);
            else
                Launch(
                    _attend, qkv.RowRange(range.FirstRow, range.Rows), default, layer,
                    new RowPlaces(state, range.FirstRow), range.MostTokens,
                    attended.RowRange(range.FirstRow, range.Rows));
            place += 2 * (range.Count + 1);
        }
    }

    /// <summary>Tokens of a chunk: as many chunks as it takes to occupy the device, as measured on an H200.</summary>
    private static int ChunkOf(long pairs, int reach)
    {
        const int few = 64, some = 128, small = 64, large = 256;
        if (pairs >= ManyPairs)
            return reach;
        var least = (reach + MostChunks - 1) / MostChunks;
        var chunk = pairs <= few ? SmallestChunk : pairs <= some ? small : large;
        return Math.Max(chunk, (least + SmallestChunk - 1) / SmallestChunk * SmallestChunk);
    }

    private void Launch(
        CudaKernel kernel, Matrix qkv, Tables rotation, BatchLayer layer, RowPlaces places, int reach, Matrix attended)
    {
        var shape = layer.Shape;
        var pairs = (long)qkv.Rows * _shape.Heads;
        var chunk = ChunkOf(pairs, reach);
        kernel.Launch(
            pairs * ((reach + chunk - 1) / chunk), Threads, new MatrixView(qkv), rotation, new HeadCounts(shape),
            new LayerPlaces(layer.Cache), places, shape.Window ?? 0, shape.Scale * MathF.Log2(MathF.E), chunk,
            Address(_shares), Address(_counters), new MatrixView(attended));
    }

    /// <summary>Rows of sequences attend to their tokens, gathered side by side.</summary>
    private void AttendByFlash(
        Matrix qkv, BatchLayer layer, BatchState state, PartRange range, int place, Matrix attended)
    {
        if (!_flash.TryGetValue(layer.Shape, out var flash))
            _flash.Add(layer.Shape, flash = new FlashAttention(layer.Shape, _views));
        var width = _shape.KeyValueHeads * _shape.HeadSize;
        using var gathered = _room.Take(ScratchUse.Input, 2 * range.Tokens, width, ScalarType.BFloat16);
        var (keys, values) = (gathered.RowRange(0, range.Tokens), gathered.RowRange(range.Tokens, range.Tokens));
        using var queryStarts = _starts!.narrow(0, place, range.Count + 1);
        using var keyStarts = _starts!.narrow(0, place + range.Count + 1, range.Count + 1);
        _gather.Launch(
            range.Tokens, Threads, new LayerPlaces(layer.Cache), new RowPlaces(state, 0),
            new GatheredPlaces(keyStarts, range), _shape.HeadSize, (nint)keys.Pointer, (nint)values.Pointer);
        using var output = flash.Attend(
            qkv.RowRange(range.FirstRow, range.Rows), keys, values, new AttendedSegments(
                queryStarts, keyStarts, range.MostRows, range.MostTokens));
        attended.RowRange(range.FirstRow, range.Rows).Tensor.copy_(output.Tensor);
    }

    private static nint Address(Tensor tensor) => (nint)TensorMemory.Address(tensor);

    public void Dispose()
    {
        _shares.Dispose();
        _counters.Dispose();
        _starts?.Dispose();
        _views.Dispose();
    }

    /// <summary>As the kernels take it (<c>PagedLayer</c>).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct LayerPlaces(CachedLayer cache)
    {
        private readonly nint _keys = Address(cache.Keys);
        private readonly nint _values = Address(cache.Values);
        private readonly int _keyHeads = (int)cache.Keys.shape[1];
    }

    /// <summary>As the kernels take it (<c>Rotation</c>).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Tables(RotaryTables rotation)
    {
        private readonly nint _cosine = (nint)rotation.Cosine.Pointer;
        private readonly nint _sine = (nint)rotation.Sine.Pointer;
    }

    /// <summary>As the kernels take it (<c>RowPlaces</c>), from some row on.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct RowPlaces(BatchState state, int firstRow)
    {
        private readonly nint _positions = Address(state.Positions) + firstRow * sizeof(long);
        private readonly nint _sequences = Address(state.SequenceOfRow) + firstRow * sizeof(long);
        private readonly nint _tables = Address(state.Tables);
        private readonly int _width = (int)state.Tables.shape[1];
    }
    /// <summary>As the kernels take it (<c>Gathered</c>).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct GatheredPlaces(Tensor starts, PartRange range)
    {
        private readonly nint _starts = Address(starts);
        private readonly int _first = range.First;
        private readonly int _count = range.Count;
    }
}
