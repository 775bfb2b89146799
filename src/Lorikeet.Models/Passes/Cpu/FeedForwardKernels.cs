using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>An activation φ of gates.</summary>
internal interface IGate
{
    /// <summary>φ(x).</summary>
    static abstract Vector512<float> Value(Vector512<float> x);

    /// <summary>φ(x) and φ'(x).</summary>
    static abstract (Vector512<float> Value, Vector512<float> Slope) Both(Vector512<float> x);
}

/// <summary>silu(x) = x σ(x); its slope is σ + silu (1 - σ).</summary>
internal readonly struct Silu : IGate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Value(Vector512<float> x) => x * Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Both(Vector512<float> x)
    {
        var sigmoid = Sigmoid(x);
        var silu = x * sigmoid;
        return (silu, sigmoid + silu * (Vector512<float>.One - sigmoid));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) =>
        Vector512<float>.One / (Vector512<float>.One + Exponential.Of(-x));
}

/// <summary>
/// gelu(x) = x/2 (1 + t) with t = tanh(u), u = √(2/π) (x + 0.044715 x³); its slope is (1 + t)/2 + x/2 (1 - t²) u'.
/// </summary>
internal readonly struct GeluTanh : IGate
{
    private const float Root = 0.79788456f; // √(2/π)
    private const float Cubic = 0.044715f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Value(Vector512<float> x) =>
        x * 0.5f * (Vector512<float>.One + HyperbolicTangent.Of(Inner(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Both(Vector512<float> x)
    {
        var t = HyperbolicTangent.Of(Inner(x));
        var (half, onePlus) = (x * 0.5f, Vector512<float>.One + t);
        var slopeOfInner = Root * Vector512.FusedMultiplyAdd(x * x, Vector512.Create(3 * Cubic), Vector512<float>.One);
        return (half * onePlus, 0.5f * onePlus + half * (Vector512<float>.One - t * t) * slopeOfInner);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Inner(Vector512<float> x) =>
        Root * Vector512.FusedMultiplyAdd(x * x * x, Vector512.Create(Cubic), x);
}

/// <summary>activation = φ(gate) ⊙ up; gate and up lie side by side.</summary>
internal readonly unsafe struct GateWork<T, TGate>(Rows<T> gateUp, Rows<T> activation) : IRangeWork
    where T : unmanaged, IElement<T>
    where TGate : unmanaged, IGate
{
    private readonly Rows<T> _gateUp = gateUp;
    private readonly Rows<T> _activation = activation;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _activation.Columns;
        for (var row = start; row < end; row++)
        {
            T* gates = _gateUp[row], ups = gates + columns, activations = _activation[row];
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var left = columns - i;
                var gate = T.Round(TGate.Value(Row.Load(gates + i, left)));
                Row.Store(activations + i, left, gate * Row.Load(ups + i, left));
            }
        }
    }
}

/// <summary>
/// d up = φ(gate) da, d gate = up φ'(gate) da. Gate and up become their gradients, da becomes the activation.
/// </summary>
internal readonly unsafe struct GateBackwardWork<T, TGate>(Rows<T> gateUp, Rows<T> activation) : IRangeWork
    where T : unmanaged, IElement<T>
    where TGate : unmanaged, IGate
{
    private readonly Rows<T> _gateUp = gateUp;
    private readonly Rows<T> _activation = activation;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _activation.Columns;
        for (var row = start; row < end; row++)
        {
            T* gates = _gateUp[row], ups = gates + columns, activations = _activation[row];
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var left = columns - i;
                var up = Row.Load(ups + i, left);
                var gradient = Row.Load(activations + i, left);
                var (value, slope) = TGate.Both(Row.Load(gates + i, left));
                Row.Store(ups + i, left, value * gradient);
                Row.Store(gates + i, left, up * gradient * slope);
                Row.Store(activations + i, left, T.Round(value) * up);
            }
        }
    }
}
