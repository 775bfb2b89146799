using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// A weight that lies in memory of the host, or in parts on several ranks, and is whole on the device only when it is
/// used. Takes ownership of <paramref name="inner"/>.
/// </summary>
/// <param name="inner">The weight, whose tensors lie where <paramref name="arrive"/> brings them.</param>
/// <param name="arrive">Makes them arrive there before any work queued on the device from then on.</param>
/// <param name="parts">Ranks that hold a part of it; 0 where it waits on the host.</param>
internal sealed class OffloadedWeight(FrozenWeight inner, Action arrive, int parts = 0) : FrozenWeight
{
    /// <summary>Ranks that hold a part of it; 0 where it waits on the host.</summary>
    public int Parts => parts;

    public override long Rows => inner.Rows;

    public override long Columns => inner.Columns;

    public override long ByteCount => inner.ByteCount;

    public override Device Device => inner.Device;

    public override string Format => inner.Format;

    public override Tensor Materialize(ScalarType type)
    {
        arrive();
        return inner.Materialize(type);
    }

    public override Tensor Multiply(Tensor x)
    {
        arrive();
        return inner.Multiply(x);
    }

    public override void CopyTo(Tensor target)
    {
        arrive();
        inner.CopyTo(target);
    }

    public override void Dispose() => inner.Dispose();
}
