using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Where the gradient of a trained parameter is summed up.</summary>
internal static class ParameterGradient
{
    /// <summary>A part of the buffer of all gradients, as large as the parameter; the caller disposes it.</summary>
    public static Tensor Of(Tensor parameter) => (parameter.grad
        ?? throw new InvalidOperationException(
            "The parameter has no gradient to add to; Gradients makes them.")).DetachFromDisposeScope();
}
