// The rows of the batch's tokens, x = g ⊙ (W[ids] + H Bᵀ) with H = s · A[:, ids]ᵀ and, with DoRA, a gain g for each
// column of the table (ColumnGains.cs); back, with z = W[ids] + H Bᵀ and d = g ⊙ dx:
//
//     dW[id] = Σ d      dB = dᵀ H      dA[:, id] = s · Σ (d B)ᵀ      dm = 1/n ⊙ Σ dx ⊙ z
//
// Some families multiply x by a number, and so dx.
// Sums over the rows of a token are added in the order of the batch.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>The embedding: frozen, trained whole, or with factors beside it.</summary>
internal sealed class FusedEmbedding : IDisposable
{
    // Rows of a float32 table that are rounded at once.
    private const int ChunkRows = 1024;

    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private readonly Matrix _table;
    private readonly Matrix? _gradient;
    private readonly float _scale;
    private readonly EmbeddingFactors? _factors;
    private readonly ColumnGains? _gains;
    private readonly (Matrix B, Tensor A, Tensor? Magnitude)? _factorGradients;

    public FusedEmbedding(DecoderModel model, Scratch scratch, IDecoderKernels kernels)
    {
        (_kernels, _scratch) = (kernels, scratch);
        _scale = (float)model.EmbeddingScale;
        var trained = model.Embedding.requires_grad;
        using var table = model.Embedding.detach();
        using var computed = trained ? null : table.to_type(scratch.ElementType);
        _table = new Matrix((computed ?? table).alias());
        _gradient = trained ? new Matrix(ParameterGradient.Of(model.Embedding)) : null;
        CopyBytes = trained || table.dtype == scratch.ElementType ? 0 : _table.Bytes;
        _factors = model.EmbeddingAdapter as EmbeddingFactors;
        if (_factors is null)
            return;
        _factorGradients = (
            new Matrix(ParameterGradient.Of(_factors.B)), ParameterGradient.Of(_factors.A),
            _factors.Magnitude is { } magnitude ? ParameterGradient.Of(magnitude) : null);
        _gains = _factors.Magnitude is null ? null : new ColumnGains(_factors, _table, scratch);
    }

    /// <summary>Whether anything of it is trained.</summary>
    public bool IsTrained => _gradient is not null || _factors is not null;

    /// <summary>Bytes that it keeps beside the model.</summary>
    public long CopyBytes { get; }

    /// <summary>x, the rows of tokens.</summary>
    /// <param name="ids">Token ids, int64 [tokens].</param>
    /// <param name="x">[tokens, hidden].</param>
    public void Forward(Tensor ids, Matrix x)
    {
        using var hidden = Hidden(ids);
        Unscaled(ids, hidden, x);
        if (_gains is not null)
        {
            _gains.Update();
            _kernels.ScaleColumns(x, _gains.Gain, x);
        }

        if (_scale != 1)
            _kernels.Scale(x, _scale, x);
    }

    /// <summary>Adds to the gradients of all that is trained.</summary>
    /// <param name="ids">Token ids of the batch.</param>
    /// <param name="dx">[tokens, hidden]; overwritten.</param>
    /// <param name="room">As large; overwritten.</param>
    public void AddGradients(IReadOnlyList<int> ids, Matrix dx, Matrix room)
    {
        using var scope = NewDisposeScope();
        using var groups = RowGroups.Of(ids, _scratch.Device);
        var indices = tensor(ids.Select(id => (long)id).ToArray(), device: _scratch.Device);
        using var hidden = Hidden(indices);
        if (_scale != 1)
            _kernels.Scale(dx, _scale, dx);
        if (_gains is not null)
        {
            Unscaled(indices, hidden, room); // z
            _kernels.AddColumnSums(dx, room, 1, _gains.InverseNorm, _factorGradients!.Value.Magnitude!);
            _kernels.ScaleColumns(dx, _gains.Gain, dx); // d
        }

        if (_gradient is not null)
            _kernels.AddRowSums(dx, groups.Order, groups.Starts, groups.Ids, _gradient);
        if (hidden is not null)
            AddGradientsOfFactors(groups, dx, hidden);
    }

    private void AddGradientsOfFactors(RowGroups groups, Matrix d, Matrix hidden)
    {
        var (b, a, _) = _factorGradients!.Value;
        _kernels.AddOuterProduct(d, hidden, b); // dB += dᵀ H
        using var product = Matrix.Create(d.Rows, hidden.Columns, _scratch.ElementType, _scratch.Device);
        Aten.Multiply(product.Tensor, d.Tensor, _factors!.B.to_type(_scratch.ElementType)); // d B: [tokens, rank]
        using var sums = new Matrix(zeros([groups.Count, hidden.Columns], ScalarType.Float32, _scratch.Device));
        var places = TensorArithmetic.Range(groups.Count, ScalarType.Int64, _scratch.Device);
        _kernels.AddRowSums(product, groups.Order, groups.Starts, places, sums); // [ids, rank]
        a.IncreaseColumns(groups.Ids, sums.Tensor.t(), _factors.Scale); // each id once: the order does not matter
    }

    /// <summary>H = s · A[:, ids]ᵀ, [tokens, rank]; null without factors.</summary>
    private Matrix? Hidden(Tensor ids)
    {
        if (_factors is null)
            return null;
        using var scope = NewDisposeScope();
        var rows = _factors.A.index_select(1, ids).t().Times(_factors.Scale).to_type(_scratch.ElementType);
        return new Matrix(rows.contiguous());
    }

    /// <summary>W[ids] + H Bᵀ.</summary>
    private void Unscaled(Tensor ids, Matrix? hidden, Matrix x)
    {
        if (_table.ElementType == _scratch.ElementType)
            _kernels.GatherRows(_table, ids, x);
        else
            GatherRounded(ids, x);
        if (hidden is null)
            return;
        using var scope = NewDisposeScope();
        Aten.AddProduct(x.Tensor, hidden.Tensor, _factors!.B.to_type(_scratch.ElementType).t());
    }

    /// <summary>Rows of a table that is trained in float32, rounded to the compute type.</summary>
    private void GatherRounded(Tensor ids, Matrix x)
    {
        for (var start = 0; start < x.Rows; start += ChunkRows)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(ChunkRows, x.Rows - start);
            var rows = _table.Tensor.index_select(0, ids.narrow(0, start, count));
            x.Tensor.narrow(0, start, count).copy_(rows);
        }
    }

    public void Dispose()
    {
        _table.Dispose();
        _gradient?.Dispose();
        _gains?.Dispose();
        if (_factorGradients is not var (b, a, magnitude))
            return;
        b.Dispose();
        a.Dispose();
        magnitude?.Dispose();
    }
}
