using System.Numerics;
using System.Runtime.InteropServices;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>
/// Decoding on a CUDA device in bfloat16 (the .cu files beside this), recorded as a graph and played back.
/// </summary>
internal sealed unsafe class CudaDecodingKernels : IDecodingKernels
{
    private const int Chunk = 64; // slots a block attends to, as in CachedAttention.cu
    private const int AttentionThreads = 128;
    private const int ChoosingThreads = 1024;
    private const int ShortestRecord = 256;
    private static readonly int[] s_headSizes = [32, 64, 128, 256];

    private readonly AttentionShape _shape;
    private readonly Device _device;
    private readonly CudaDevice _own;
    private readonly GemvKernels _gemv;
    private readonly CudaKernel _rotateAndAppend, _attend, _mostLikely;
    private readonly Tensor _shares; // float32 [rows, heads, chunks, headSize + 2]
    private readonly Tensor _counters; // int32 [rows, heads]
    private readonly int _capacity;
    private readonly bool _records;
    private CudaGraph? _graph;
    private int _recorded; // slots that the graph is good for
    private int _chunks;
    private bool _isWarm;

    /// <summary>Compiles them, or takes them from the cache of compiled kernels.</summary>
    public CudaDecodingKernels(AttentionShape shape, int rows, int capacity, Device device, bool records)
    {
        (_shape, _device, _capacity, _records) = (shape, device, capacity, records);
        _own = CudaDevice.Of(Math.Max(device.index, 0));
        var module = new CudaModule(_own, "Elements", "Scales", "Rotary", "Gemv", "CachedAttention");
        _gemv = new GemvKernels(module, rows);
        _rotateAndAppend = module.Kernel("rotate_and_append");
        _attend = module.Kernel($"attend_cached_{shape.HeadSize}");
        _mostLikely = module.Kernel("most_likely");
        _shares = empty([rows, shape.Heads, Chunks(capacity), shape.HeadSize + 2], ScalarType.Float32, device)
            .DetachFromDisposeScope();
        _counters = zeros([rows, shape.Heads], ScalarType.Int32, device).DetachFromDisposeScope();
    }

    /// <summary>Whether they cover a model's shapes and storage.</summary>
    public static bool Fit(DecoderModel model, AttentionShape shape) =>
        s_headSizes.Contains(shape.HeadSize) && CudaDecoderKernels.Fit(shape, model.Device)
        && model.Layers.SelectMany(layer => PerProjection.Of(layer).All).Append([model.Head]).All(GemvKernels.Fit);

    public IDecodingLinear Linear(IReadOnlyList<Projection> projections, bool isGated) =>
        new CudaDecodingLinear(projections, isGated, _gemv, _device);

    public void RotateAndAppend(Matrix qkv, RotaryTables rotation, CachedLayer cache, DecodingState state)
    {
        var items = (_shape.Heads + 2 * _shape.KeyValueHeads) * _shape.HeadSize / 16;
        _rotateAndAppend.Launch(
            qkv.Rows * ((items + AttentionThreads - 1) / AttentionThreads), AttentionThreads, new MatrixView(qkv),
            (nint)rotation.Cosine.Pointer, (nint)rotation.Sine.Pointer, new HeadCounts(_shape), new CachePlaces(cache),
            Address(state.All));
    }

    public void Attend(Matrix qkv, CachedLayer cache, DecodingState state, Matrix attended) => _attend.Launch(
        (long)qkv.Rows * _shape.Heads * _chunks, AttentionThreads, new MatrixView(qkv), new HeadCounts(_shape),
        new CachePlaces(cache), Address(state.All), _shape.Window ?? 0, _shape.Scale * MathF.Log2(MathF.E),
        Address(_shares), Address(_counters), new MatrixView(attended));

    public void MostLikely(Matrix logits, Tensor chosen) => _mostLikely.Launch(
        logits.Rows, ChoosingThreads, (nint)logits.Pointer, logits.Columns, Address(chosen));

    public void Run(Action queue, int length)
    {
        // A graph launches as many blocks as the longest text it is good for needs; those beyond the text end at once.
        var reach = Math.Min(_capacity, Math.Max(ShortestRecord, (int)BitOperations.RoundUpToPowerOf2((uint)length)));
        _chunks = Chunks(reach);
        if (!_records || !_isWarm)
        {
            // What is queued for the first time may still be loading, which a recording would not survive.
            queue();
            _isWarm = true;
            return;
        }

        if (_recorded < length)
        {
            _graph?.Dispose();
            (_graph, _recorded) = (CudaGraph.Record(_own, queue), reach);
        }

        _graph!.Launch();
    }

    public void Dispose()
    {
        _graph?.Dispose();
        _shares.Dispose();
        _counters.Dispose();
    }

    private static int Chunks(int slots) => (slots + Chunk - 1) / Chunk;

    private static nint Address(Tensor tensor) => (nint)TensorMemory.Address(tensor);

    /// <summary>As the kernels take it (<c>CacheLayer</c>).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct CachePlaces(CachedLayer cache)
    {
        private readonly byte* _keys = TensorMemory.Address(cache.Keys);
        private readonly byte* _values = TensorMemory.Address(cache.Values);
        private readonly int _capacity = (int)cache.Keys.shape[2];
        private readonly int _keyHeads = (int)cache.Keys.shape[1];
    }
}
