using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>activation = silu(gate) ⊙ up; gate and up lie side by side.</summary>
internal readonly unsafe struct SwiGluWork<T>(Rows<T> gateUp, Rows<T> activation) : IRangeWork
    where T : unmanaged, IElement<T>
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
                var gate = Row.Load(gates + i, left);
                Row.Store(activations + i, left, T.Round(gate * Sigmoid(gate)) * Row.Load(ups + i, left));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) =>
        Vector512<float>.One / (Vector512<float>.One + Exponential.Of(-x));
}

/// <summary>
/// With σ = sigmoid(gate): d up = silu(gate) da, d gate = up σ (1 + gate (1 - σ)) da. Gate and up become their
/// gradients, da becomes the activation.
/// </summary>
internal readonly unsafe struct SwiGluBackwardWork<T>(Rows<T> gateUp, Rows<T> activation) : IRangeWork
    where T : unmanaged, IElement<T>
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
                var (gate, up) = (Row.Load(gates + i, left), Row.Load(ups + i, left));
                var gradient = Row.Load(activations + i, left);
                var sigmoid = SwiGluWork<T>.Sigmoid(gate);
                var silu = gate * sigmoid;
                Row.Store(ups + i, left, silu * gradient);
                Row.Store(gates + i, left, up * gradient * (sigmoid + silu * (Vector512<float>.One - sigmoid)));
                Row.Store(activations + i, left, T.Round(silu) * up);
            }
        }
    }
}
