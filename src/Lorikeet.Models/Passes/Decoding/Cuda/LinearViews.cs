using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>A product as the kernels take it (<c>Linear</c> in Linear.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LinearView
{
    public Parts All;
    public fixed float Values[16];
    public int Count;
    public int Columns;

    [InlineArray(3)]
    internal struct Parts
    {
        private Part _first;
    }

    /// <summary>One projection (<c>LinearPart</c>).</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Part
    {
        public nint Weight;
        public ScalePlaces Scales;
        public nint Bias;
        public int Rows;
        public int FirstRow;
        public int Pitch;
    }
}

/// <summary>An adapter on a product (<c>Factors</c> in Linear.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FactorsView
{
    public nint A;
    public nint B;
    public int Ranks;
    public int Pitch;
    public Three Rank;
    public Three FirstRank;

    [InlineArray(3)]
    internal struct Three
    {
        private int _first;
    }
}

/// <summary>The adapters of the rows (<c>Adapters</c> in Linear.cu).</summary>
/// <param name="Factors">One <see cref="FactorsView"/> for each number; 0 where no row has an adapter.</param>
/// <param name="Numbers">int64 [rows].</param>
/// <param name="Hidden">float32 [rows, pitch].</param>
/// <param name="Pitch">Numbers from one row of it to the next.</param>
/// <param name="Turn">int64 [1], the number of the step.</param>
/// <param name="Turned">
/// int64 [rows, pitch], where the product makes it itself, each number beside that of its step; or 0.
/// </param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct AdaptersView(
    nint Factors, nint Numbers, nint Hidden, int Pitch, nint Turn, nint Turned);
