using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>The rows of a frozen matrix, however they are stored, as a value that other threads may read.</summary>
internal unsafe interface IWeightRows
{
    /// <summary>
    /// Columns of a row that <see cref="AddDotProducts"/> takes at once: all, or as many as fit where they are decoded.
    /// </summary>
    static abstract int Segment { get; }

    /// <summary>The dot product of a weight's row and one vector.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="x">As <see cref="Arrange"/> left it.</param>
    float Dot(int row, float* x);

    /// <summary>The dot products of some rows and one vector.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many, at most <see cref="Row.Lanes"/>.</param>
    /// <param name="x">As <see cref="Arrange"/> left it.</param>
    /// <param name="sums">Receives them.</param>
    void Dot(int row, int rows, float* x, float* sums)
    {
        for (var i = 0; i < rows; i++)
            sums[i] = Dot(row + i, x);
    }

    /// <summary>Adds the dot products of some columns of some rows and several vectors.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many, at most <see cref="Row.Lanes"/>.</param>
    /// <param name="first">First column, a multiple of <see cref="Segment"/>.</param>
    /// <param name="count">At most <see cref="Segment"/>.</param>
    /// <param name="x">The vectors, all columns of them.</param>
    /// <param name="sums">One for each vector and row, [vectors, <see cref="Row.Lanes"/>].</param>
    void AddDotProducts(int row, int rows, int first, int count, ArrangedVectors x, float* sums);

    /// <summary>Brings a vector, in place, into the layout that the dot products read.</summary>
    /// <param name="x">As many numbers as the weight has columns, and room up to the vectors' pitch.</param>
    void Arrange(float* x);
}

/// <summary>Rows that are decoded to numbers in the order of their arranged vectors, and then multiplied.</summary>
internal unsafe interface IDecodedRows
{
    /// <summary>Decodes some columns of a row; what pads them to whole vectors of the CPU is zero.</summary>
    void Decode(int row, int first, int count, float* target);
}

/// <summary>Vectors in their arranged form; those beyond the last, up to a multiple of four, do not matter.</summary>
internal readonly unsafe struct ArrangedVectors(float* first, int pitch, int count)
{
    /// <summary>Vectors that are multiplied at once.</summary>
    public const int Together = 4;

    public readonly int Pitch = pitch;

    /// <summary>How many, those beyond the last included.</summary>
    public readonly int Count = (count + Together - 1) / Together * Together;

    private readonly float* _first = first;

    /// <summary>One of the vectors.</summary>
    public float* this[int index] => _first + (long)index * Pitch;

    /// <summary>Floats from one vector to the next that are enough for so many columns in any form.</summary>
    public static int PitchOf(int columns) => (columns + 127) / 128 * 128 + 128;
}
