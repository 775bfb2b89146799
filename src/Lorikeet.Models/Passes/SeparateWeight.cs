using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Weights in the compute type that stay where they are, because the optimizer moves some of them there: each is a
/// block of its own.
/// </summary>
internal sealed class SeparateWeight : FusedWeight
{
    private readonly IReadOnlyList<AdapterBlock> _adapters;
    private readonly Matrix _b;

    public SeparateWeight(
        FusedShape shape, IReadOnlyList<DenseWeight> parts, IReadOnlyList<AdapterBlock> adapters, Scratch scratch)
        : base(shape)
    {
        _adapters = adapters;
        A = Zeros(Rank, Columns, scratch);
        _b = Zeros(Rows, Rank, scratch);
        CopyBytes = A.Bytes + _b.Bytes;
        var start = 0;
        List<WeightBlock> blocks = [];
        foreach (var part in parts)
        {
            var weight = new Matrix(part.Value.alias());
            blocks.Add(new WeightBlock(start, weight, _b.RowRange(start, weight.Rows), weight));
            start += weight.Rows;
        }

        Blocks = blocks;
    }

    public override IReadOnlyList<WeightBlock> Blocks { get; }

    public override Matrix A { get; }

    public override IEnumerable<FactorBlock> Factors =>
    [
        .. FactorLayout.OfA(_adapters, A, adapter => adapter.A),
        .. FactorLayout.OfB(_adapters, _b, 0, adapter => adapter.B),
    ];

    public override long CopyBytes { get; }

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
        _b.Dispose();
        foreach (var block in Blocks)
            block.Weight.Dispose();
    }
}
