using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// Rotates queries and keys by their position (half-rotation, as Hugging Face checkpoints are laid out).
/// </summary>
internal sealed class RotaryEmbedding(ModelConfig config, Device device) : IDisposable
{
    private Tensor? _cosine;
    private Tensor? _sine;
    private int _length;

    /// <summary>cos and sin of the given positions, each [tokens, 1, headSize] in <paramref name="type"/>.</summary>
    /// <param name="positions">int64 [tokens].</param>
    /// <param name="length">One more than the largest position.</param>
    /// <param name="type">The compute type; the tables themselves are float32, as in the reference.</param>
    public (Tensor Cosine, Tensor Sine) At(Tensor positions, int length, ScalarType type)
    {
        EnsureTables(length);
        return (_cosine!.index_select(0, positions).to_type(type), _sine!.index_select(0, positions).to_type(type));
    }

    /// <summary>x cos + rotate(x) sin, where rotate swaps the halves of a head and negates the second.</summary>
    /// <param name="x">[tokens, heads, headSize].</param>
    /// <param name="cosine">[tokens, 1, headSize].</param>
    /// <param name="sine">[tokens, 1, headSize].</param>
    public static Tensor Rotate(Tensor x, Tensor cosine, Tensor sine)
    {
        var half = x.shape[^1] / 2;
        var rotated = cat([x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)], -1); // [tokens, heads, headSize]
        return (x * cosine).Plus(rotated * sine);
    }

    private void EnsureTables(int length)
    {
        // Dynamic scaling depends on the length at hand, so its tables are made for exactly that length.
        var exact = config.Rope.Scaling == RopeScaling.Dynamic;
        if (_cosine is not null && (exact ? length == _length : length <= _length))
            return;

        Dispose();
        _length = exact ? length : Math.Max(length, Math.Min(config.MaxPositions, 4096));
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var frequencies = tensor(config.Rope.Frequencies(config.HeadSize, _length), device: device); // [headSize / 2]
        // [length, headSize / 2]
        var angles = outer(TensorArithmetic.Range(_length, ScalarType.Float32, device), frequencies);
        var both = cat([angles, angles], -1).unsqueeze(1); // [length, 1, headSize]
        var factor = (float)config.Rope.CosineFactor;
        _cosine = both.cos().Times(factor).MoveToOuterDisposeScope().DetachFromDisposeScope();
        _sine = both.sin().Times(factor).MoveToOuterDisposeScope().DetachFromDisposeScope();
    }

    public void Dispose()
    {
        _cosine?.Dispose();
        _sine?.Dispose();
    }
}
