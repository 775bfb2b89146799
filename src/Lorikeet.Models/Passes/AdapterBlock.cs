using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Where one projection's factors lie among those of the projections it is fused with.</summary>
/// <param name="Projection">The projection.</param>
/// <param name="Lora">Its factors.</param>
/// <param name="RowStart">First row of its outputs.</param>
/// <param name="RankStart">First of its ranks.</param>
internal sealed record AdapterBlock(Projection Projection, LoraFactors Lora, int RowStart, int RankStart) : IDisposable
{
    /// <summary>Where the gradient of A is summed up, float32 [rank, in].</summary>
    public Tensor AGradient { get; } = Gradient(Lora.A);

    /// <summary>Where the gradient of B is summed up, float32 [out, rank].</summary>
    public Tensor BGradient { get; } = Gradient(Lora.B);

    /// <summary>Output features.</summary>
    public int Rows => (int)Projection.Weight.Rows;

    public int Rank => (int)Lora.Rank;

    /// <summary>The projections that have an adapter, in order.</summary>
    public static IEnumerable<AdapterBlock> Of(IReadOnlyList<Projection> projections)
    {
        var (row, rank) = (0, 0);
        foreach (var projection in projections)
        {
            if (projection.Lora is { } lora)
            {
                yield return new AdapterBlock(projection, lora, row, rank);
                rank += (int)lora.Rank;
            }

            row += (int)projection.Weight.Rows;
        }
    }

    private static Tensor Gradient(Tensor factor) => (factor.grad
        ?? throw new InvalidOperationException(
            "The factor has no gradient to add to; Gradients makes them.")).DetachFromDisposeScope();

    public void Dispose()
    {
        AGradient.Dispose();
        BGradient.Dispose();
    }
}
