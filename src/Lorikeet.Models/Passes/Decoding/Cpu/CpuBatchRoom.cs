using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Memory whose content lives for one product, shared by all products of a step.</summary>
/// <typeparam name="T">The compute type.</typeparam>
internal sealed class CpuBatchRoom<T> : IDisposable where T : unmanaged, IElement<T>
{
    /// <summary>Most rows that are multiplied by loops over the weights, where weights are decoded for it.</summary>
    private const int FewRows = 48;

    /// <summary>The same for large weights that GEMMs multiply as they are stored.</summary>
    private const int FewRowsOfDense = 7;

    /// <summary>Weights so small that calls of GEMMs cost more than they save.</summary>
    private const long Small = 1 << 20;

    /// <summary>Room for products.</summary>
    /// <param name="widest">Columns of the widest weight.</param>
    /// <param name="gemmType">What GEMMs of many rows multiply.</param>
    public CpuBatchRoom(int widest, ScalarType gemmType)
    {
        Scratch = new Scratch(gemmType, CPU, augments: false, mostWeights: 0);
        Tiles = new WeightTiles(Scratch);
        Input = new Matrix(zeros(
            [FewRows, ArrangedVectors.PitchOf(widest)], ScalarType.Float32, CPU));
    }

    /// <summary>Bytes of <see cref="Input"/>.</summary>
    /// <param name="widest">Columns of the widest weight.</param>
    public static long InputBytes(int widest) => (long)FewRows * ArrangedVectors.PitchOf(widest) * sizeof(float);

    /// <summary>Where few rows are arranged, float32 [rows, padded columns].</summary>
    public Matrix Input { get; }

    /// <summary>What adapters add.</summary>
    public RowFactors<T> Factors { get; } = new();

    /// <summary>What GEMMs read and write.</summary>
    public Scratch Scratch { get; }

    /// <summary>Weights as GEMMs take them.</summary>
    public WeightTiles Tiles { get; }

    /// <summary>Most rows for which loops over some weights are faster than GEMMs.</summary>
    public int FewRowsOf(IReadOnlyList<FrozenWeight> weights) =>
        Scratch.ElementType == ScalarType.BFloat16 && weights.All(weight =>
            weight is DenseWeight { Value.dtype: ScalarType.BFloat16 } && weight.Rows * weight.Columns > Small)
            ? FewRowsOfDense
            : FewRows;

    public void Dispose()
    {
        Input.Dispose();
        Factors.Dispose();
        Scratch.Dispose();
    }
}
