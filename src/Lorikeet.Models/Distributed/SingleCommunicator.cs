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

    internal override void Exchange(Tensor own, Tensor received) => Gather(own, received);

    internal override void Gather(Tensor own, Tensor all)
    {
        using var quiet = no_grad();
        using var flat = own.view(all.shape);
        all.copy_(flat);
    }

    public override Communicator Split(int colour) => this;

    public override void Wait()
    {
    }

    public override void Dispose()
    {
    }
}
