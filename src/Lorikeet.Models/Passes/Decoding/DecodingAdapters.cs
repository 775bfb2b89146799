using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// The factors of projections that share their input, in the compute type: A of all of them one below the other, and
/// beside each output row its row of B.
/// </summary>
internal sealed class DecodingAdapters : IDisposable
{
    private readonly IReadOnlyList<Projection> _projections;
    private readonly LoraFactors?[] _loras;
    private readonly int[] _ranks;

    /// <summary>Allocates them.</summary>
    /// <param name="projections">One to three.</param>
    /// <param name="loraOf">The factors on a projection, if any.</param>
    /// <param name="type">The compute type.</param>
    /// <param name="device">The model's.</param>
    public DecodingAdapters(
        IReadOnlyList<Projection> projections, Func<Projection, LoraFactors?> loraOf, ScalarType type, Device device)
    {
        _projections = projections;
        _loras = [.. projections.Select(loraOf)];
        _ranks = [.. _loras.Select(lora => (int)(lora?.Rank ?? 0))];
        Rank = _ranks.Sum();
        if (Rank == 0)
            return;
        A = Matrix.Create(Rank, (int)projections[0].Weight.Columns, type, device);
        B = Matrix.Create((int)projections.Sum(projection => projection.Weight.Rows), _ranks.Max(), type, device);
    }

    /// <summary>Sum of the ranks; 0 when nothing has an adapter.</summary>
    public int Rank { get; }

    /// <summary>A of all adapters below each other, [all ranks, in].</summary>
    public Matrix? A { get; }

    /// <summary>[out, highest rank], times the scale; a row holds as much as its projection's rank.</summary>
    public Matrix? B { get; }

    /// <summary>Tensors of the model beside their places here.</summary>
    public IEnumerable<FactorBlock> Factors
    {
        get
        {
            var row = 0;
            for (var i = 0; i < _projections.Count; i++)
            {
                var rows = (int)_projections[i].Weight.Rows;
                if (_ranks[i] > 0)
                {
                    var lora = _loras[i]!;
                    yield return new FactorBlock(lora.A, 1, A!.RowRange(FirstRank(i), _ranks[i]));
                    yield return new FactorBlock(lora.B, lora.Scale, B!.RowRange(row, rows).ColumnRange(0, _ranks[i]));
                }

                row += rows;
            }
        }
    }

    /// <summary>The rank of a projection's adapter, or 0.</summary>
    public int RankOf(int projection) => _ranks[projection];

    /// <summary>Where its ranks begin among all.</summary>
    public int FirstRank(int projection) => _ranks.Take(projection).Sum();

    public void Dispose()
    {
        A?.Dispose();
        B?.Dispose();
    }
}
