using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// The values of a matrix as float32, piece by piece, so that a matrix of any type is quantized without a float32 copy
/// of it, and one in a file without ever being in memory as a whole. Safe to use from several threads.
/// </summary>
internal sealed unsafe class FloatReader
{
    private readonly ScalarType _type;
    private readonly ScalarType _roundedTo;
    private readonly byte* _memory;
    private readonly Fill? _fill;

    /// <summary>Values in memory.</summary>
    /// <param name="tensor">
    /// Contiguous, on the CPU, of a type that <see cref="Reads"/>; must outlive the reader.
    /// </param>
    public FloatReader(Tensor tensor)
    {
        _memory = TensorMemory.Pointer(tensor);
        _type = _roundedTo = tensor.dtype;
    }

    /// <summary>Values of a checkpoint, rounded to another type first where that is narrower.</summary>
    /// <param name="reader">Where they lie.</param>
    /// <param name="name">The tensor, of a type that <see cref="Reads"/>.</param>
    /// <param name="roundedTo">The type they would have been loaded in.</param>
    public FloatReader(TensorReader reader, string name, ScalarType roundedTo)
    {
        (_type, _roundedTo) = (TensorFile.ToTorch(reader.Source.Require(name).Type), roundedTo);
        _fill = (offset, length, target) => reader.Read(name, offset, length, target);
    }

    private delegate void Fill(long offset, long length, byte* target);

    private int Size => _type == ScalarType.Float32 ? sizeof(float) : sizeof(ushort);

    /// <summary>Whether values of a type can be read.</summary>
    public static bool Reads(ScalarType type) =>
        type is ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16;

    /// <summary>Where values lie as float32: in the matrix itself, or in <paramref name="buffer"/>.</summary>
    /// <param name="first">The first one, row-major.</param>
    /// <param name="count">How many.</param>
    /// <param name="buffer">Has room for them.</param>
    public float* Read(long first, int count, float* buffer)
    {
        if (_memory is not null && _type == ScalarType.Float32)
            return (float*)_memory + first;

        // Narrow values come to lie at the end of the buffer, from where each is read before its place is written.
        var (offset, length) = (first * Size, (long)count * Size);
        var stored = (byte*)(buffer + count) - length;
        if (_memory is null)
            _fill!(offset, length, stored);
        else
            Buffer.MemoryCopy(_memory + offset, stored, length, length);
        if (_type == ScalarType.BFloat16)
            BFloat16.Widen((ushort*)stored, count, buffer);
        else if (_type == ScalarType.Float16)
            HalfPrecision.Widen((ushort*)stored, count, buffer);

        if (_roundedTo == _type)
            return buffer;
        if (_roundedTo == ScalarType.BFloat16)
            BFloat16.RoundInPlace(buffer, count);
        else if (_roundedTo == ScalarType.Float16)
            HalfPrecision.RoundInPlace(buffer, count);
        return buffer;
    }
}
