using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// What DoRA multiplies each column of the embedding by: g = m / n with n = ‖Wᵀ + s · BA‖ over the vocabulary. As in
/// RowGains.cs the sum is not made: W Aᵀ there is Wᵀ Aᵀ here, a part of the vocabulary after the other.
/// </summary>
/// <param name="factors">The factors, with a magnitude.</param>
/// <param name="table">W, [vocabulary, hidden].</param>
/// <param name="scratch">Tells when parameters moved.</param>
internal sealed class ColumnGains(EmbeddingFactors factors, Matrix table, Scratch scratch) : IDisposable
{
    private const int ChunkElements = 1 << 22;

    private Tensor? _squares; // ‖W‖² of each column, as long as W does not move
    private int _version = -1;

    /// <summary>g, float32 [hidden].</summary>
    public Tensor Gain { get; } =
        ones([table.Columns], ScalarType.Float32, scratch.Device).DetachFromDisposeScope();

    /// <summary>1 / n, float32 [hidden].</summary>
    public Tensor InverseNorm { get; } =
        ones([table.Columns], ScalarType.Float32, scratch.Device).DetachFromDisposeScope();

    /// <summary>Brings them up to date with the factors, if those moved.</summary>
    public void Update()
    {
        if (_version == scratch.ParameterVersion)
            return;
        _version = scratch.ParameterVersion;
        using var scope = NewDisposeScope();
        var product = zeros([table.Columns, factors.A.shape[0]], ScalarType.Float32, scratch.Device); // Wᵀ Aᵀ
        var squares = zeros([table.Columns], ScalarType.Float32, scratch.Device);
        var step = Math.Max(1, ChunkElements / table.Columns);
        for (var row = 0; row < table.Rows; row += step)
        {
            using var chunk = NewDisposeScope();
            var count = Math.Min(step, table.Rows - row);
            var wide = table.Tensor.narrow(0, row, count).to_type(ScalarType.Float32);
            Aten.AddProduct(product, wide.t(), factors.A.narrow(1, row, count).t());
            if (_squares is null)
                squares.Increase((wide * wide).sum(dim: 0));
        }

        _squares ??= squares.DetachFromDisposeScope();
        var norm = RowGains.Norm(_squares, product, factors.A, factors.B, factors.Scale);
        InverseNorm.copy_(norm.reciprocal());
        Gain.copy_(factors.Magnitude! * InverseNorm);
    }

    public void Dispose()
    {
        Gain.Dispose();
        InverseNorm.Dispose();
        _squares?.Dispose();
    }
}
