namespace Lorikeet.Optimized.Decoding.Cpu;

/// <summary>The rows of a frozen matrix, however they are stored, as a value that other threads may read.</summary>
internal unsafe interface IWeightRows
{
    /// <summary>Columns that are decoded at once; <see cref="Decode"/> starts at multiples of it.</summary>
    const int Segment = 1024;

    /// <summary>The product of a row and one vector.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="x">As <see cref="Arrange"/> left it.</param>
    float Dot(int row, float* x);

    /// <summary>Columns of a row in float32, in the order of <see cref="Arrange"/>, for several vectors.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="first">First column, a multiple of <see cref="Segment"/>.</param>
    /// <param name="count">At most <see cref="Segment"/>.</param>
    /// <param name="target">Receives them.</param>
    void Decode(int row, int first, int count, float* target);

    /// <summary>Puts a vector, in place, in the order in which the row's columns are met.</summary>
    void Arrange(float* x);
}
