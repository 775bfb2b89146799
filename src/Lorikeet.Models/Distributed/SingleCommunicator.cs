using static TorchSharp.torch;

namespace Lorikeet.Models.Distributed;

/// <summary>One process: sums are its own values.</summary>
internal sealed class SingleCommunicator : Communicator
{
    public override int Rank => 0;

    public override int Size => 1;

    public override string Transport => "none";

    public override void Sum(Tensor values)
    {
    }

    public override void Sum(Span<double> values)
    {
    }

    public override void Broadcast(Tensor values)
    {
    }

    public override void Broadcast(Span<byte> bytes)
    {
    }

    public override byte[] Gather(ReadOnlySpan<byte> own) => own.ToArray();

    public override void Wait()
    {
    }

    public override void Dispose()
    {
    }
}
