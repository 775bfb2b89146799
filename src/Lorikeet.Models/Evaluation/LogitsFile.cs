using System.Runtime.InteropServices;
using Lorikeet.Data;
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Models.Evaluation;

/// <summary>
/// The logits of scored rows in a safetensors file: <c>logits.0</c>, <c>logits.1</c> ..., each float32
/// [row length, vocabulary], and, when all rows have one length, <c>logits</c> [rows, length, vocabulary] as well.
/// Padding positions hold zeros.
/// </summary>
/// <remarks>Logits are spilled to a temporary file as they come, so that any amount fits.</remarks>
internal sealed class LogitsFile : IDisposable
{
    private readonly string _path;
    private readonly int _vocabulary;
    private readonly int[] _lengths;
    private readonly long[] _offsets; // first byte of each row, then the end of the last
    private readonly TemporaryPlace _place;

    private FileStream Spill => _place.Stream;

    /// <summary>Prepares the file.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="rows">The rows that will be scored.</param>
    /// <param name="vocabulary">Logits of a position.</param>
    public LogitsFile(string path, IReadOnlyList<RowToScore> rows, int vocabulary)
    {
        _path = Path.GetFullPath(path);
        _vocabulary = vocabulary;
        _lengths = [.. rows.Select(row => row.Ids.Length)];
        _offsets = new long[rows.Count + 1];
        for (var row = 0; row < rows.Count; row++)
            _offsets[row + 1] = _offsets[row] + (long)_lengths[row] * vocabulary * sizeof(float);
        _place = StorageFault.Writing(_path, () => TemporaryPlace.ForFile(_path));
        Spill.SetLength(_offsets[^1]); // positions never written read as zero
    }

    /// <summary>Takes logits; a <see cref="LogitsReceiver"/>.</summary>
    public void Receive(int row, ReadOnlySpan<int> positions, ReadOnlySpan<float> logits)
    {
        for (var i = 0; i < positions.Length; i++)
        {
            Spill.Position = _offsets[row] + (long)positions[i] * _vocabulary * sizeof(float);
            Spill.Write(MemoryMarshal.AsBytes(logits.Slice(i * _vocabulary, _vocabulary)));
        }
    }

    /// <summary>Writes the safetensors file.</summary>
    public void Save()
    {
        var tensors = _lengths.Select((length, row) => Tensor($"logits.{row}", [length, _vocabulary], _offsets[row]));
        if (_lengths.Distinct().Count() == 1)
            tensors = tensors.Append(Tensor("logits", [_lengths.Length, _lengths[0], _vocabulary], 0));
        SafetensorsWriter.Write(_path, tensors);
    }

    private TensorToWrite Tensor(string name, long[] shape, long start) =>
        new(name, SafetensorsType.F32, shape,
            target => Copy(start, shape.Aggregate(4L, (bytes, size) => bytes * size), target));

    private void Copy(long start, long count, Stream target)
    {
        Spill.Position = start;
        var buffer = new byte[1 << 20];
        while (count > 0)
        {
            var read = Spill.Read(buffer, 0, (int)Math.Min(buffer.Length, count));
            target.Write(buffer, 0, read);
            count -= read;
        }
    }

    public void Dispose() => _place.Dispose();
}
