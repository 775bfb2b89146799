using Lorikeet.Models.Native;

namespace Lorikeet.Models.Passes;

/// <summary>The factors that one of several adapters has beside some projections, in the compute type.</summary>
internal sealed class SharedFactors : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private IFactorTable? _gradients;

    /// <summary>Lays them out where others may lie beside them.</summary>
    /// <param name="adapters">Its factors at projections that share their input; at least one pair.</param>
    /// <param name="a">Zeros [rank, in], which become its own.</param>
    /// <param name="b">Zeros [out, rank], which become its own.</param>
    /// <param name="scratch">Room for gradients.</param>
    /// <param name="kernels">What loads factors.</param>
    public SharedFactors(
        IReadOnlyList<AdapterBlock> adapters, Matrix a, Matrix b, Scratch scratch, IDecoderKernels kernels)
    {
        (Adapters, A, B, _kernels, _scratch) = (adapters, a, b, kernels, scratch);
        scratch.Reserve(ScratchUse.AGradient, (long)a.Rows * a.Columns);
        scratch.Reserve(ScratchUse.BGradient, (long)b.Rows * b.Columns);
    }

    /// <summary>Lays them out by themselves.</summary>
    /// <param name="adapters">Its factors at projections that share their input; at least one pair.</param>
    /// <param name="rows">Output features of all projections.</param>
    /// <param name="columns">Input features.</param>
    /// <param name="scratch">Type, device, and room for gradients.</param>
    /// <param name="kernels">What loads factors.</param>
    public SharedFactors(
        IReadOnlyList<AdapterBlock> adapters, int rows, int columns, Scratch scratch, IDecoderKernels kernels)
        : this(
            adapters, Zeros(RankOf(adapters), columns, scratch), Zeros(rows, RankOf(adapters), scratch), scratch,
            kernels)
    {
    }

    /// <summary>The pairs, as they are trained.</summary>
    public IReadOnlyList<AdapterBlock> Adapters { get; }

    /// <summary>The sum of their ranks.</summary>
    public int Rank => A.Rows;

    /// <summary>Those A one below the other, [rank, in].</summary>
    public Matrix A { get; }

    /// <summary>Those B on the diagonal, times their scales, [out, rank].</summary>
    public Matrix B { get; }

    /// <summary>Whether inputs are dropped in training.</summary>
    public bool HasDropout => Adapters.Any(adapter => adapter.Dropout > 0);

    /// <summary>Bytes of both matrices.</summary>
    public long Bytes => A.Bytes + B.Bytes;

    /// <summary>What must be in the compute type before a pass.</summary>
    public IEnumerable<FactorBlock> Factors =>
    [
        .. FactorLayout.OfA(Adapters, A, adapter => adapter.A),
        .. FactorLayout.OfB(Adapters, B, 0, adapter => adapter.B),
    ];

    /// <summary>Room for dA, [rank, in], and dB, [out, rank], until <see cref="AddGradients"/>.</summary>
    public (Matrix A, Matrix B) Gradients() => (
        _scratch.Take(ScratchUse.AGradient, A.Rows, A.Columns), _scratch.Take(ScratchUse.BGradient, B.Rows, B.Columns));

    /// <summary>Adds what lies there to the gradients of the parameters.</summary>
    public void AddGradients()
    {
        _gradients ??= TableOfGradients();
        _gradients.Accumulate();
    }

    private IFactorTable TableOfGradients()
    {
        var (a, b) = Gradients();
        return _kernels.Factors([.. GradientsIn(a, b)]);
    }

    /// <summary>Its gradients beside where they are computed, [rank, in] and [out, rank].</summary>
    public IEnumerable<FactorBlock> GradientsIn(Matrix a, Matrix b) =>
    [
        .. FactorLayout.OfA(Adapters, a, adapter => adapter.AGradient!),
        .. FactorLayout.OfB(Adapters, b, 0, adapter => adapter.BGradient!),
    ];

    /// <summary>The sum of the ranks of some pairs.</summary>
    public static int RankOf(IReadOnlyList<AdapterBlock> adapters) => adapters.Sum(adapter => adapter.Rank);

    /// <summary>A matrix in the compute type.</summary>
    public static Matrix Zeros(int rows, int columns, Scratch scratch)
    {
        var matrix = Matrix.Create(rows, columns, scratch.ElementType, scratch.Device);
        matrix.Tensor.Clear();
        return matrix;
    }

    public void Dispose()
    {
        _gradients?.Dispose();
        A.Dispose();
        B.Dispose();
        foreach (var adapter in Adapters)
            adapter.Dispose();
    }
}
