using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>No projections at all: gate, up and down of a layer that has experts in their place.</summary>
internal sealed class AbsentLinear(FusedBiases biases, WholeWeights whole) : FusedLinear(biases, whole)
{
    public override int Rows => 0;

    public override int Columns => 0;

    public override int Rank => 0;

    public override bool Decompresses => false;

    protected override long CopyBytesOfWeights => 0;

    protected override IEnumerable<FactorBlock> FactorsOfWeights => [];

    public override void Hold()
    {
    }

    public override void Release()
    {
    }

    public override Matrix? HiddenGradient(Matrix dy, Matrix? kept, Matrix? g) => throw Absent();

    public override Matrix? InputGradient(Matrix dy, Matrix? kept, Matrix? g, Matrix dx, PassKey? dropout) =>
        throw Absent();

    protected override void Multiply(Matrix x, Matrix? kept, Matrix y, PassKey? dropout) => throw Absent();

    protected override void AddGradientsOfWeights(Matrix dy, Matrix? g, Matrix x, Matrix? kept, PassKey? dropout) =>
        throw Absent();

    private static InvalidOperationException Absent() => new("A layer of experts has no gate, up or down of its own.");
}
