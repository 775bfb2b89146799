using System.Numerics;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>
/// A step of many sequences on a CUDA device in bfloat16. Steps in which every sequence reads one token are recorded
/// as a graph for each number of rows, and played back.
/// </summary>
internal sealed unsafe class CudaBatchKernels : IBatchKernels
{
    private const int ChoosingThreads = 1024;
    private const int NormThreads = 256;
    private const int NormWidth = 8; // elements that a thread reads at once
    private const int ShortestRecord = 256;
    private const int MostRecords = 64;
    private static readonly int[] s_headSizes = [32, 64, 128, 256];

    private readonly Device _device;
    private readonly CudaDevice _own;
    private readonly CudaBatchRoom _room;
    private readonly PagedAttentionKernels _attention;
    private readonly CudaKernel _mostLikely, _normaliseHeads;
    private readonly AttentionShape _shape;
    private readonly int _capacity;
    private readonly bool _records;
    private readonly Dictionary<Record, CudaGraph?> _graphs = []; // null: ran once, and may be recorded
    private int _version;
    private bool _isDecoding, _isPrepared;
    private int _reach;

    /// <summary>Whether they cover a model's shapes and storage.</summary>
    public static bool Fit(DecoderModel model, AttentionShape shape) =>
        s_headSizes.Contains(shape.HeadSize) && CudaDecoderKernels.Fit(shape, model.Device)
        && model.Layers.SelectMany(layer => PerProjection.Of(layer).All).Append([model.Head]).All(ProductKernels.Fit);

    /// <summary>Compiles them, or takes them from the cache of compiled kernels.</summary>
    /// <param name="shape">The model's attention.</param>
    /// <param name="limits">How much a step reads at most.</param>
    /// <param name="device">The model's.</param>
    /// <param name="records">Whether steps may be recorded.</param>
    public CudaBatchKernels(AttentionShape shape, BatchLimits limits, Device device, bool records)
    {
        (_shape, _device, _capacity, _records) = (shape, device, limits.Length, records);
        _own = CudaDevice.Of(Math.Max(device.index, 0));
        _room = new CudaBatchRoom(device);
        _attention = new PagedAttentionKernels(shape, _room, device);
        _mostLikely = new CudaModule(_own, "Elements", "Scales", "Rotary", "Linear", "PagedAttention")
            .Kernel("most_likely", startsEarly: true);
        _normaliseHeads = new CudaModule(_own, "Elements", "Rotary", "HeadNorms", "BatchNorms")
            .Kernel("normalise_heads", startsEarly: true);
    }

    public int DecodingRows(int sequences)
    {
        const int few = 8, some = 16, many = 64, step = 32;
        return sequences <= few ? (int)BitOperations.RoundUpToPowerOf2((uint)sequences)
            : sequences <= many ? (sequences + some - 1) / some * some
            : (sequences + step - 1) / step * step;
    }

    public IBatchLinear Linear(IReadOnlyList<Projection> projections, bool isGated) =>
        new CudaBatchLinear(projections, isGated, _room, _device);

    public void NormaliseHeads(Matrix qkv, HeadNorms norms, float epsilon) => _normaliseHeads.Launch(
        qkv.Rows, NormThreads, new MatrixView(qkv), new HeadCounts(_shape),
        new HeadNormsView(norms, _shape, epsilon, NormWidth));

    /// <summary>
    /// Where every row is a sequence's newest token, <see cref="Attend"/> does this as well, in the same launch.
    /// </summary>
    public void RotateAndAppend(Matrix qkv, BatchLayer layer, BatchState state)
    {
        if (!_isDecoding)
            _attention.RotateAndAppend(qkv, layer, state);
    }

    public void Attend(Matrix qkv, BatchLayer layer, BatchState state, Matrix attended)
    {
        if (_isDecoding)
        {
            _attention.AttendNew(qkv, layer, state, _reach, attended);
            return;
        }

        if (!_isPrepared)
            _attention.Prepare(state.Parts);
        _isPrepared = true;
        _attention.Attend(qkv, layer, state, attended);
    }

    public void MostLikely(Matrix logits, Tensor chosen) => _mostLikely.Launch(
        logits.Rows, ChoosingThreads, (nint)logits.Pointer, logits.Columns, (nint)TensorMemory.Address(chosen));

    public void Run(Action queue, StepShape shape)
    {
        // A graph launches as many blocks as the longest text it is good for needs; those beyond a text end at once.
        _reach = Math.Min(
            _capacity, Math.Max(ShortestRecord, (int)BitOperations.RoundUpToPowerOf2((uint)shape.Longest)));
        (_isDecoding, _isPrepared) = (shape.IsDecoding, false);
        (_room.HasAdapters, _room.IsRecorded) = (shape.HasAdapters, _records && shape.IsDecoding);
        _room.Adapter =
            _room is { IsRecorded: true, HasDense: true } && shape.Rows > ProductKernels.FewRows ? shape.Adapter : null;
        using var overlap = shape.IsDecoding ? _own.Overlap() : null;
        if (!_room.IsRecorded)
        {
            queue();
            return;
        }

        if (_version != _room.Version || _graphs.Count >= MostRecords)
            Forget();
        var record = new Record(shape.Rows, _reach, shape.HasAdapters, _room.Adapter);
        if (!_graphs.TryGetValue(record, out var graph))
        {
            // What is queued for the first time may still be loading, which a recording would not survive.
            queue();
            if (_version != _room.Version)
                Forget();
            _graphs[record] = null;
            return;
        }

        if (graph is null)
            _graphs[record] = graph = CudaGraph.Record(_own, queue);
        graph.Launch();
    }

    public void Dispose()
    {
        Forget();
        _attention.Dispose();
        _room.Dispose();
    }

    private void Forget()
    {
        foreach (var graph in _graphs.Values)
            graph?.Dispose();
        _graphs.Clear();
        _version = _room.Version;
    }

    /// <summary>What a recording is good for.</summary>
    private readonly record struct Record(int Rows, int Reach, bool HasAdapters, int? Adapter);
}
