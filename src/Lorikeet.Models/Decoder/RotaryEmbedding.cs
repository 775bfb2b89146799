using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// Rotates queries and keys by their position (half-rotation, as Hugging Face checkpoints are laid out).
/// </summary>
/// <param name="rope">Which angles.</param>
/// <param name="rotarySize">Elements of a head that are rotated.</param>
/// <param name="maxPositions">The longest sequence the model was made for.</param>
/// <param name="device">Where the tables are.</param>
internal sealed class RotaryEmbedding(RopeSettings rope, int rotarySize, int maxPositions, Device device) : IDisposable
{
    private Tensor? _cosine;
    private Tensor? _sine;
    private int _length;

    /// <summary>cos and sin of the given positions.</summary>
    /// <param name="positions">int64 [tokens].</param>
    /// <param name="length">One more than the largest position.</param>
    /// <param name="type">The compute type; the tables themselves are float32, as in the reference.</param>
    public Rotation At(Tensor positions, int length, ScalarType type)
    {
        EnsureTables(length);
        return new(_cosine!.index_select(0, positions).to_type(type), _sine!.index_select(0, positions).to_type(type));
    }

    /// <summary>
    /// x cos + rotate(x) sin, where rotate swaps the halves of what is rotated of a head and negates the second; the
    /// rest of the head stays.
    /// </summary>
    /// <param name="x">[tokens, heads, headSize].</param>
    /// <param name="cosine">[tokens, 1, rotarySize].</param>
    /// <param name="sine">[tokens, 1, rotarySize].</param>
    public static Tensor Rotate(Tensor x, Tensor cosine, Tensor sine)
    {
        var size = cosine.shape[^1];
        if (size < x.shape[^1])
        {
            var rest = x.narrow(-1, size, x.shape[^1] - size);
            return cat([Rotate(x.narrow(-1, 0, size), cosine, sine), rest], -1);
        }

        var half = size / 2;
        var rotated = cat([x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)], -1); // [tokens, heads, rotarySize]
        return (x * cosine).Plus(rotated * sine);
    }

    private void EnsureTables(int length)
    {
        // Where angles depend on the length at hand, tables are made for exactly that length.
        var exact = rope.DependsOnLength;
        if (_cosine is not null && (exact ? length == _length : length <= _length))
            return;

        Dispose();
        _length = exact ? length : Math.Max(length, Math.Min(maxPositions, 4096));
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var frequencies = tensor(rope.Frequencies(rotarySize, _length), device: device); // [rotarySize / 2]
        // [length, rotarySize / 2]
        var angles = outer(TensorArithmetic.Range(_length, ScalarType.Float32, device), frequencies);
        var both = cat([angles, angles], -1).unsqueeze(1); // [length, 1, rotarySize]
        var factor = (float)rope.CosineFactor;
        _cosine = both.cos().Times(factor).MoveToOuterDisposeScope().DetachFromDisposeScope();
        _sine = both.sin().Times(factor).MoveToOuterDisposeScope().DetachFromDisposeScope();
    }

    public void Dispose()
    {
        _cosine?.Dispose();
        _sine?.Dispose();
    }
}

/// <summary>How the tokens of a pass are rotated.</summary>
/// <param name="Cosine">[tokens, 1, rotarySize].</param>
/// <param name="Sine">As large.</param>
internal readonly record struct Rotation(Tensor Cosine, Tensor Sine);
