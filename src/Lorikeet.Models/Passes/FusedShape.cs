using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>What a <see cref="FusedWeight"/> of some projections will be like, before there is one.</summary>
/// <param name="Projections">Projections that share an input, in order.</param>
/// <param name="Borders">Whether weights are bordered by their factors.</param>
internal sealed record FusedShape(IReadOnlyList<Projection> Projections, bool Borders)
{
    private const int RankMultiple = 8;

    /// <summary>Output features.</summary>
    public int Rows => (int)Projections.Sum(projection => projection.Weight.Rows);

    /// <summary>Input features.</summary>
    public int Columns => (int)Projections[0].Weight.Columns;

    /// <summary>The sum of the ranks, rounded up where borders want it.</summary>
    public int Rank
    {
        get
        {
            var rank = (int)Projections.Sum(projection => projection.Lora?.Rank ?? 0);
            return Borders ? (rank + RankMultiple - 1) / RankMultiple * RankMultiple : rank;
        }
    }

    /// <summary>The rank when B lies beside W, else 0.</summary>
    public int Right => Borders && Rows > Columns ? Rank : 0;

    /// <summary>The rank when A lies below W, else 0.</summary>
    public int Below => Borders && Rows < Columns ? Rank : 0;

    /// <summary>Whether the weights are kept in the type they multiply in; others are decompressed at each use.</summary>
    public bool IsDense(ScalarType type) =>
        Projections.All(projection => projection.Weight is DenseWeight dense && dense.Value.dtype == type);

    /// <summary>The four of a layer: queries, keys and values; output; gate and up; down.</summary>
    public static IReadOnlyList<FusedShape> Of(DecoderLayer layer, bool borders) =>
    [
        new([layer.Query, layer.Key, layer.Value], borders), new([layer.Output], borders),
        new([layer.Gate, layer.Up], borders), new([layer.Down], borders),
    ];
}
