namespace Lorikeet.Models.Passes.Decoding;

/// <summary>Cosines and sines of all positions, [positions, rotarySize] in the compute type.</summary>
internal sealed record RotaryTables(Matrix Cosine, Matrix Sine) : IDisposable
{
    public long Bytes => new[] { Cosine.Tensor, Sine.Tensor }.Sum(table => table.NumberOfElements * table.ElementSize);

    public void Dispose()
    {
        Cosine.Dispose();
        Sine.Dispose();
    }
}
