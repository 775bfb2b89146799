using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The memory of a pass's buffers: as large as the largest batch so far needs, seen as matrices of the current batch.
/// Batches of any number of different sizes share it, because nothing in it outlives a pass.
/// </summary>
/// <param name="type">Compute type.</param>
/// <param name="device">Where it lies.</param>
/// <param name="rows">Tokens of the largest batch it has room for.</param>
internal sealed class BufferMemory(ScalarType type, Device device, int rows) : IDisposable
{
    private readonly List<Tensor> _blocks = [];
    private readonly List<Matrix> _taken = [];
    private int _next;

    /// <summary>Tokens of the largest batch it has room for.</summary>
    public int Rows => rows;

    /// <summary>Bytes of all buffers made so far.</summary>
    public long Bytes => _blocks.Sum(block => block.NumberOfElements * block.ElementSize);

    /// <summary>Starts over; the same buffers must now be taken in the same order.</summary>
    public void Rewind()
    {
        _taken.Clear();
        _next = 0;
    }

    /// <summary>The next buffer; the caller disposes the view, the memory stays.</summary>
    /// <param name="tokens">Tokens of the current batch.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="extra">More columns at the end of each row (<see cref="Matrix.Augmented"/>).</param>
    /// <param name="mostRows">Rows that are needed at once, where those are fewer than the tokens.</param>
    public Matrix Take(int tokens, int columns, int extra = 0, int mostRows = int.MaxValue)
    {
        if (_next == _blocks.Count)
        {
            var elements = (long)Math.Min(rows, mostRows) * Matrix.PitchOf(columns, extra);
            _blocks.Add(zeros([elements], type, device).DetachFromDisposeScope());
        }

        var matrix = Matrix.View(_blocks[_next++], Math.Min(tokens, mostRows), columns, extra);
        _taken.Add(matrix);
        return matrix;
    }

    /// <summary>Disposes the views taken since the start: whoever took them did not come to own them.</summary>
    public void ForgetTaken()
    {
        foreach (var matrix in _taken)
            matrix.Dispose();
    }

    public void Dispose()
    {
        foreach (var block in _blocks)
            block.Dispose();
    }
}
