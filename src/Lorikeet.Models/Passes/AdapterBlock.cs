using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Lora.Variants;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Where a pair of factors of one projection lies among those of the projections it is fused with.</summary>
internal sealed class AdapterBlock : IDisposable
{
    private AdapterBlock(
        Projection projection, (Tensor A, Tensor B) factors, double scale, double dropout, int rowStart, int rankStart)
    {
        (Projection, A, B, Scale, Dropout, RowStart, RankStart) = (
            projection, factors.A, factors.B, scale, dropout, rowStart, rankStart);
        if (!A.requires_grad)
            return;
        (AGradient, BGradient) = (ParameterGradient.Of(A), ParameterGradient.Of(B));
    }

    public Projection Projection { get; }

    /// <summary>[rank, in], float32.</summary>
    public Tensor A { get; }

    /// <summary>[out, rank], float32.</summary>
    public Tensor B { get; }

    /// <summary>Factor on B A x.</summary>
    public double Scale { get; }

    /// <summary>Probability that an input of A is dropped in training.</summary>
    public double Dropout { get; }

    /// <summary>First row of the projection's outputs.</summary>
    public int RowStart { get; }

    /// <summary>First of its ranks.</summary>
    public int RankStart { get; }

    /// <summary>Where the gradient of A is summed up, float32 [rank, in]; null for frozen factors.</summary>
    public Tensor? AGradient { get; }

    /// <summary>Where the gradient of B is summed up, float32 [out, rank]; null for frozen factors.</summary>
    public Tensor? BGradient { get; }

    /// <summary>Output features.</summary>
    public int Rows => (int)Projection.Weight.Rows;

    public int Rank => (int)A.shape[0];

    /// <summary>
    /// The factors of some projections, in order. Where a weight gave up the part that its adapter began as, that part
    /// is a pair of its own, which is frozen and sees no dropout: W x - s · B₀A₀ x + s · B A dropout(x).
    /// </summary>
    public static IEnumerable<AdapterBlock> Of(IReadOnlyList<Projection> projections) =>
        Of(projections, projection => projection.Lora);

    /// <summary>The same of an adapter that need not be active.</summary>
    /// <param name="projections">Projections that share an input.</param>
    /// <param name="factorsOf">Its factors at a projection; null for none.</param>
    public static IEnumerable<AdapterBlock> Of(
        IReadOnlyList<Projection> projections, Func<Projection, LoraFactors?> factorsOf)
    {
        var (row, rank) = (0, 0);
        foreach (var projection in projections)
        {
            var factors = factorsOf(projection);
            if (factors is { } lora)
            {
                yield return new(projection, (lora.A, lora.B), lora.Scale, lora.Dropout, row, rank);
                if (lora is ResidualFactors part)
                {
                    yield return new(
                        projection, (part.InitialA, part.InitialB), -lora.Scale, 0, row, rank + (int)lora.Rank);
                }
            }

            rank += RankOf(factors);
            row += (int)projection.Weight.Rows;
        }
    }

    /// <summary>Ranks of all pairs of a projection; 0 without an adapter.</summary>
    public static int RankOf(Projection projection) => RankOf(projection.Lora);

    private static int RankOf(LoraFactors? factors) =>
        (int)(factors?.Rank ?? 0) * (factors is ResidualFactors ? 2 : 1);

    public void Dispose()
    {
        AGradient?.Dispose();
        BGradient?.Dispose();
    }
}
