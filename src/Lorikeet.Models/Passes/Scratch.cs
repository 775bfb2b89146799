using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Passes.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>What a scratch matrix is for; matrices of different uses never share memory.</summary>
internal enum ScratchUse
{
    Weight,
    A,
    B,
    AGradient,
    BGradient,
    Masked,
    ExpertRows,
    ExpertGateUp,
    ExpertActivation,
    ExpertSlopes,
    ExpertChoice,
    Scaled,
    Wide,
    Logits,
    Input,
    Product,
    GatedProduct,
    Hidden,
    RoundedHidden,
    Codes,
    CodeScales,
}

/// <summary>
/// Matrices whose content lives from one call to the next, shared by all layers. Those of one use, whatever their
/// shape, lie in the same memory.
/// </summary>
/// <param name="type">Compute type.</param>
/// <param name="device">Where everything lies.</param>
/// <param name="augments">Whether weights are augmented by their factors.</param>
/// <param name="mostWeights">How many weights may be decompressed at once, if one projection has no more.</param>
internal sealed class Scratch(ScalarType type, Device device, bool augments, long mostWeights) : IDisposable
{
    private readonly Dictionary<ScratchUse, long> _reserved = [];
    private readonly Dictionary<ScratchUse, Tensor> _memory = [];
    private readonly Dictionary<(ScratchUse Use, int Rows, int Columns), Matrix> _matrices = [];
    private IFloat8Products? _float8;

    public ScalarType ElementType => type;

    public Device Device => device;

    /// <summary>
    /// Whether weights are augmented by their factors, so that the base's GEMM adds the adapter as well.
    /// </summary>
    public bool Augments => augments;

    /// <summary>The adapters that share the pass; null for the model's active one, or none.</summary>
    public SharedAdapters? Shared { get; init; }

    /// <summary>Another number whenever trained parameters may have moved.</summary>
    public int ParameterVersion { get; set; }

    /// <summary>Whether passes compute as if no adapter were there: its B counts as zero.</summary>
    public bool IgnoresAdapters { get; set; }

    /// <summary>How many weights may be decompressed at once, if one projection has no more.</summary>
    public long MostWeights => mostWeights;

    /// <summary>What multiplies weights in FP8.</summary>
    public IFloat8Products Float8 => _float8 ??=
        device.type == DeviceType.CUDA ? new CudaFloat8Products(this) : new CpuFloat8Products();

    /// <summary>
    /// Announces matrices of up to so many elements. What is announced before the first is taken stays where it is, so
    /// that its address may be remembered.
    /// </summary>
    public void Reserve(ScratchUse use, long elements) => _reserved[use] = Math.Max(elements, Reserved(use));

    /// <summary>Announces codes of one byte in so many rows, and a float32 for each row.</summary>
    public void ReserveCodes(int rows, int columns)
    {
        Reserve(ScratchUse.Codes, (long)rows * columns / NativeTypes.SizeOf(type));
        Reserve(ScratchUse.CodeScales, (long)rows * sizeof(float) / NativeTypes.SizeOf(type));
    }

    /// <summary>Elements announced for a use.</summary>
    public long Reserved(ScratchUse use) => _reserved.GetValueOrDefault(use);

    /// <summary>Bytes of what is allocated by now.</summary>
    public long Bytes => _memory.Values.Sum(memory => memory.NumberOfElements * memory.ElementSize);

    /// <summary>Bytes of all that is announced.</summary>
    public long ReservedBytes => _reserved.Values.Sum() * NativeTypes.SizeOf(type);

    /// <summary>Bytes that are announced and not yet allocated.</summary>
    public long NotYetTaken =>
        _reserved.Where(pair => !_memory.ContainsKey(pair.Key)).Sum(pair => pair.Value) * NativeTypes.SizeOf(type);

    /// <summary>The matrix of a use and shape; its content is whatever the last user of that use left.</summary>
    public Matrix Take(ScratchUse use, int rows, int columns)
    {
        if (_matrices.TryGetValue((use, rows, columns), out var matrix))
            return matrix;
        var size = (long)rows * columns;
        if (!_memory.TryGetValue(use, out var memory) || memory.NumberOfElements < size)
            memory = Grow(use, size);
        // A prefix of [elements]
        return _matrices[(use, rows, columns)] = new Matrix(memory.as_strided([rows, columns], [columns, 1]));
    }

    /// <summary>As many rows as are announced for a use.</summary>
    public Matrix TakeRows(ScratchUse use, int columns) => Take(use, (int)(Reserved(use) / columns), columns);

    private Tensor Grow(ScratchUse use, long size)
    {
        foreach (var key in _matrices.Keys.Where(key => key.Use == use).ToList())
        {
            _matrices.Remove(key, out var matrix);
            matrix!.Dispose();
        }

        if (_memory.Remove(use, out var memory))
            memory.Dispose();
        return _memory[use] = zeros([Math.Max(size, Reserved(use))], type, device).DetachFromDisposeScope();
    }

    public void Dispose()
    {
        _float8?.Dispose();
        foreach (var matrix in _matrices.Values)
            matrix.Dispose();
        foreach (var memory in _memory.Values)
            memory.Dispose();
    }
}
