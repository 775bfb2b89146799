using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>The activations of gates.</summary>
internal static class GateActivations
{
    private const double Cubic = 0.044715;

    /// <summary>The activation of every element, in the type of <paramref name="x"/>.</summary>
    public static Tensor Apply(this GateActivation activation, Tensor x) =>
        activation == GateActivation.Silu ? nn.functional.silu(x) : GeluTanh(x);

    /// <summary>x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), computed in float32.</summary>
    private static Tensor GeluTanh(Tensor x)
    {
        var wide = x.to_type(ScalarType.Float32);
        var inner = wide.Plus(wide * wide * wide, Cubic).Times(Math.Sqrt(2 / Math.PI));
        return (wide * inner.tanh().Plus(1)).Times(0.5).to_type(x.dtype);
    }
}
