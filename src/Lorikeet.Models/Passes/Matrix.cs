using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// A row-major matrix in a buffer that lives as long as the training run: its address for our own kernels, its tensor
/// for GEMMs. Rows may be further apart than they are long, when it is some columns of a wider matrix.
/// </summary>
internal sealed unsafe class Matrix : IDisposable
{
    private readonly Dictionary<(int Dimension, int Start, int Count), Matrix> _parts = [];
    private Tensor? _transposed;
    private bool _isPart;

    /// <summary>Wraps a tensor [rows, columns] whose last stride is 1, and takes ownership of it.</summary>
    public Matrix(Tensor tensor)
    {
        if (tensor.dim() != 2 || (tensor.stride(1) != 1 && tensor.shape[1] != 1))
            throw new ArgumentException("A row-major matrix was expected.", nameof(tensor));
        Tensor = tensor.DetachFromDisposeScope();
        (Rows, Columns) = ((int)tensor.shape[0], (int)tensor.shape[1]);
        Pitch = Columns == 0 ? 0 : (int)tensor.stride(0); // which libtorch has at least 1
        ElementType = tensor.dtype;
        Pointer = TensorMemory.Address(tensor);
    }

    /// <summary>The same memory as a tensor [rows, columns].</summary>
    public Tensor Tensor { get; }

    /// <summary>The same memory as a tensor [columns, rows].</summary>
    public Tensor Transposed => _transposed ??= Tensor.t().DetachFromDisposeScope();

    /// <summary>First element, in the memory of the device.</summary>
    public byte* Pointer { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Elements from one row to the next.</summary>
    public int Pitch { get; }

    public ScalarType ElementType { get; }

    /// <summary>Bytes from its first row to the end of its last, what lies between its rows included.</summary>
    public long Bytes => (long)Rows * Pitch * Tensor.ElementSize;

    /// <summary>The wider matrix of which this is the first columns, when it was made with room for more.</summary>
    public Matrix? Augmented { get; private init; }

    /// <summary>What the FP8 product that reads it next wants of whoever writes it; null for nothing.</summary>
    public RowCodes? Codes { get; set; }

    /// <summary>A new matrix on <paramref name="device"/>; its content is undefined.</summary>
    public static Matrix Create(int rows, int columns, ScalarType type, Device device) =>
        new(empty([rows, columns], type, device));

    /// <summary>
    /// A new matrix with room for <paramref name="extra"/> more columns, which are zero, at the end of each row.
    /// </summary>
    public static Matrix CreateAugmented(int rows, int columns, int extra, ScalarType type, Device device)
    {
        using var memory = zeros([(long)rows * PitchOf(columns, extra)], type, device);
        return View(memory, rows, columns, extra);
    }

    /// <summary>A matrix in memory that belongs to someone else.</summary>
    /// <param name="memory">One-dimensional; at least rows · <see cref="PitchOf"/> elements.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="extra">More columns at the end of each row, reached through <see cref="Augmented"/>.</param>
    public static Matrix View(Tensor memory, int rows, int columns, int extra)
    {
        var pitch = PitchOf(columns, extra);
        if (extra == 0)
            return new Matrix(memory.as_strided([rows, pitch], [pitch, 1]));
        var whole = new Matrix(memory.as_strided([rows, columns + extra], [pitch, 1]));
        return new Matrix(whole.Tensor.narrow(1, 0, columns)) { Augmented = whole };
    }

    /// <summary>
    /// A narrower contiguous matrix in the same memory, for when this one's content is no longer needed.
    /// </summary>
    public Matrix Reuse(int columns)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, Pitch);
        return new Matrix(Tensor.as_strided([Rows, columns], [columns, 1]));
    }

    /// <summary>Elements from row to row. Augmented rows begin at multiples of 128 bytes, as GEMMs like them.</summary>
    public static int PitchOf(int columns, int extra) => extra == 0 ? columns : (columns + extra + 63) / 64 * 64;

    /// <summary>Some of its columns; the view is made once and lives as long as the matrix.</summary>
    public Matrix ColumnRange(int start, int count) => Part(1, start, count);

    /// <summary>Some of its rows; the view is made once and lives as long as the matrix.</summary>
    public Matrix RowRange(int start, int count) => Part(0, start, count);

    private Matrix Part(int dimension, int start, int count)
    {
        if (start == 0 && count == (dimension == 0 ? Rows : Columns))
            return this;
        if (!_parts.TryGetValue((dimension, start, count), out var part))
        {
            _parts[(dimension, start, count)] = part = new Matrix(Tensor.narrow(dimension, start, count))
            {
                Augmented = dimension == 0 ? Augmented?.RowRange(start, count) : null,
                _isPart = true,
            };
        }

        return part;
    }

    public void Dispose()
    {
        foreach (var part in _parts.Values)
            part.Dispose();
        if (!_isPart)
            Augmented?.Dispose(); // that of a part is a part itself
        _transposed?.Dispose();
        Tensor.Dispose();
    }
}
