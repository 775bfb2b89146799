using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>A frozen matrix stored as it is. Takes ownership of <paramref name="value"/>.</summary>
internal sealed class DenseWeight(Tensor value) : FrozenWeight
{
    public Tensor Value { get; private set; } = value;

    public override long Rows => Value.shape[0];

    public override long Columns => Value.shape[1];

    public override long ByteCount => Value.NumberOfElements * Value.ElementSize;

    public override Device Device => Value.device;

    public override string Format => Value.dtype.ToString().ToLowerInvariant();

    /// <summary>Continues with the same numbers in other memory, of which it takes ownership.</summary>
    public void MoveTo(Tensor copy)
    {
        Value.Dispose();
        Value = copy.DetachFromDisposeScope();
    }

    public override bool Move(Func<Tensor, Tensor> copy)
    {
        MoveTo(copy(Value));
        return true;
    }

    public override Tensor Materialize(ScalarType type) => Value.dtype == type ? Value.alias() : Value.to_type(type);

    public override void CopyTo(Tensor target) => target.copy_(Value);

    public override void Dispose() => Value.Dispose();
}
