using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>The rows of a frozen matrix, however they are stored, as a value that other threads may read.</summary>
internal unsafe interface IWeightRows
{
    /// <summary>Columns of a row that are decoded at once.</summary>
    const int Segment = 1024;

    /// <summary>The dot product of a weight's row and one vector.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="x">As <see cref="Arrange"/> left it.</param>
    float Dot(int row, float* x);

    /// <summary>Adds the dot products of some columns of a row and several vectors.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="first">First column, a multiple of <see cref="Segment"/>.</param>
    /// <param name="count">At most <see cref="Segment"/>.</param>
    /// <param name="x">The vectors, all columns of them.</param>
    /// <param name="scratch">Room for <see cref="Segment"/> numbers.</param>
    /// <param name="sums">One for each vector, <see cref="Row.Lanes"/> apart.</param>
    void AddDotProducts(int row, int first, int count, ArrangedVectors x, float* scratch, float* sums);

    /// <summary>Brings a vector, in place, into the layout that the dot products read.</summary>
    void Arrange(float* x);
}

/// <summary>Vectors in their arranged form; those beyond the last, up to a multiple of four, are zero.</summary>
internal readonly unsafe struct ArrangedVectors(float* first, int pitch, int count)
{
    /// <summary>Vectors that are multiplied at once.</summary>
    public const int Together = 4;

    public readonly int Pitch = pitch;

    /// <summary>How many, the zero ones included.</summary>
    public readonly int Count = (count + Together - 1) / Together * Together;

    private readonly float* _first = first;

    /// <summary>One of the vectors.</summary>
    public float* this[int index] => _first + (long)index * Pitch;
}
