using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>
/// What the products of a step share: kernels, memory that one uses after the other, and what the step that is queued
/// now allows.
/// </summary>
internal sealed class CudaBatchRoom : IDisposable
{
    private readonly Device _device;
    private readonly Dictionary<ScratchUse, Tensor> _memory = [];
    private readonly HashSet<int> _recorded = []; // adapters whose factors recordings may read
    private Cublas? _cublas;

    /// <param name="device">The model's.</param>
    public CudaBatchRoom(Device device)
    {
        _device = device;
        Kernels = new ProductKernels(CudaDevice.Of(Math.Max(device.index, 0)));
    }

    /// <summary>The kernels of products.</summary>
    public ProductKernels Kernels { get; }

    /// <summary>Products of many rows.</summary>
    public Cublas Cublas => _cublas ??= new Cublas(_device);

    /// <summary>Whether rows of the step may have adapters.</summary>
    public bool HasAdapters { get; set; }

    /// <summary>Whether the step is queued once for many: then the host does not know its rows.</summary>
    public bool IsRecorded { get; set; }

    /// <summary>Whether a product is cuBLAS's in steps of more than a few rows.</summary>
    public bool HasDense { get; set; }

    /// <summary>
    /// The adapter of all rows of a step that is recorded for it alone: its products are cuBLAS's too. Null for none.
    /// </summary>
    public int? Adapter
    {
        get;
        set
        {
            field = value;
            if (value is { } one)
                _recorded.Add(one);
        }
    }

    /// <summary>Changes when recorded work would use what is no longer there.</summary>
    public int Version { get; private set; }

    /// <summary>What is recorded is to be recorded anew.</summary>
    public void Invalidate() => Version++;

    /// <summary>The factors of an adapter lie elsewhere from now on, or nowhere.</summary>
    public void Replace(int adapter)
    {
        if (_recorded.Remove(adapter))
            Invalidate();
    }

    /// <summary>A matrix in memory that others use too; its content is undefined.</summary>
    public Matrix Take(ScratchUse use, int rows, int columns, ScalarType type)
    {
        var count = (long)rows * columns;
        if (!_memory.TryGetValue(use, out var memory) || memory.NumberOfElements < count)
        {
            memory?.Dispose();
            _memory[use] = memory = empty([count], type, _device).DetachFromDisposeScope();
            Invalidate();
        }

        return new Matrix(memory.as_strided([rows, columns], [columns, 1]));
    }

    public void Dispose()
    {
        foreach (var memory in _memory.Values)
            memory.Dispose();
        _cublas?.Dispose();
    }
}
