using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Weights in FP8, which are never decompressed: their products are FP8 too (IFloat8Products.cs), those of the factors
/// are not. The codes lie in memory twice, for FP8 products on Hopper take both operands by rows only: transposing them
/// at each use would save 6.5 GB of a 7B model and cost 13 GB of reading and writing a step, about 2 % of it.
/// </summary>
internal sealed class Float8FusedWeight : FusedWeight
{
    private readonly IReadOnlyList<AdapterBlock> _adapters;
    private readonly Scratch _scratch;
    private readonly Float8Operand _operand;

    public Float8FusedWeight(
        FusedShape shape, IReadOnlyList<Float8Weight> parts, IReadOnlyList<AdapterBlock> adapters, Scratch scratch)
        : base(shape)
    {
        (_adapters, _scratch) = (adapters, scratch);
        _operand = Join(parts);
        A = Zeros(Rank, Columns, scratch);
        var b = Zeros(Rows, Rank, scratch);
        var codes = new Matrix(_operand.Forward.Codes.alias());
        Blocks = [new WeightBlock(0, codes, b, codes)];
        CopyBytes = Bytes(_operand.Backward.Codes) + Bytes(_operand.Backward.Scales) + A.Bytes + b.Bytes;
    }

    public override IReadOnlyList<WeightBlock> Blocks { get; }

    public override long CopyBytes { get; }

    public override Matrix A { get; }

    public override int CodeColumns => Math.Max(Rows, Columns);

    public override IEnumerable<FactorBlock> Factors =>
    [
        .. FactorLayout.OfA(_adapters, A, adapter => adapter.A),
        .. FactorLayout.OfB(_adapters, Blocks[0].B, 0, adapter => adapter.B),
    ];

    public override void ExpectInput(Matrix x) => _scratch.Float8.Expect(x, null);

    public override void ExpectGradient(Matrix dy) => _scratch.Float8.Expect(dy, _operand.Forward.Scales);

    public override bool AddsToFactors => true;

    public override void Multiply(Matrix x, WeightBlock block, Matrix y, bool adds) =>
        _scratch.Float8.Multiply(x, _operand, y, adds);

    public override void MultiplyTransposed(Matrix dy, WeightBlock block, Matrix dx, bool adds) =>
        _scratch.Float8.MultiplyTransposed(dy, _operand, dx, adds);

    protected override void Load(WeightBlock block)
    {
    }

    protected override void Write(WeightBlock block)
    {
    }

    public override void Dispose()
    {
        base.Dispose();
        A.Dispose();
        Blocks[0].B.Dispose();
        Blocks[0].Weight.Dispose();
        _operand.Dispose();
    }

    /// <summary>Copies the parts end to end and makes each a view of its rows; and once more, transposed.</summary>
    private Float8Operand Join(IReadOnlyList<Float8Weight> parts)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var device = parts[0].Device;
        var codes = empty([Rows, Columns], ScalarType.Byte, device);
        var scales = empty([Rows], ScalarType.Float32, device);
        var start = 0L;
        foreach (var part in parts)
        {
            var (itsCodes, itsScales) = (codes.narrow(0, start, part.Rows), scales.narrow(0, start, part.Rows));
            itsCodes.copy_(part.Codes);
            itsScales.copy_(part.Scales);
            start += part.Rows;
            part.MoveTo(itsCodes, itsScales);
        }

        return new Float8Operand(
            new Float8Rows(codes.DetachFromDisposeScope(), scales.DetachFromDisposeScope()),
            new Float8Rows(
                codes.t().contiguous().DetachFromDisposeScope(),
                ones([Columns], ScalarType.Float32, device).DetachFromDisposeScope()));
    }

    private static long Bytes(Tensor tensor) => tensor.NumberOfElements * tensor.ElementSize;
}
