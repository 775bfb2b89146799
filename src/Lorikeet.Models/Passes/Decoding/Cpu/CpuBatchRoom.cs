using Lorikeet.Models.Passes.Cpu;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Memory whose content lives for one product, shared by all products of a step.</summary>
/// <typeparam name="T">The compute type.</typeparam>
internal sealed class CpuBatchRoom<T> : IDisposable where T : unmanaged, IElement<T>
{
    /// <summary>Room for products.</summary>
    /// <param name="fewRows">Most rows that are multiplied by loops over the weights.</param>
    /// <param name="widest">Columns of the widest weight.</param>
    /// <param name="gemmType">What GEMMs of more rows multiply.</param>
    public CpuBatchRoom(int fewRows, int widest, ScalarType gemmType)
    {
        FewRows = fewRows;
        Scratch = new Scratch(gemmType, CPU, augments: false, mostWeights: 0);
        Tiles = new WeightTiles(Scratch);
        Input = new Matrix(zeros(
            [Padded(fewRows, ArrangedVectors.Together), Padded(widest, FourBitCodes.Unit)], ScalarType.Float32, CPU));
    }

    /// <summary>Most rows that are multiplied by loops over the weights.</summary>
    public int FewRows { get; }

    /// <summary>Where few rows are arranged, float32 [padded rows, padded columns].</summary>
    public Matrix Input { get; }

    /// <summary>What adapters add.</summary>
    public RowFactors<T> Factors { get; } = new();

    /// <summary>What GEMMs read and write.</summary>
    public Scratch Scratch { get; }

    /// <summary>Weights as GEMMs take them.</summary>
    public WeightTiles Tiles { get; }

    public void Dispose()
    {
        Input.Dispose();
        Factors.Dispose();
        Scratch.Dispose();
    }

    private static int Padded(int count, int multiple) => (count + multiple - 1) / multiple * multiple;
}
