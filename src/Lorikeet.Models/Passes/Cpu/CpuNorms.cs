using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>Norms of rows and of heads, whichever of two types their weights are in (NormKernels.cs).</summary>
/// <param name="epsilon">Added to the mean square.</param>
internal sealed unsafe class CpuNorms<T>(float epsilon) where T : unmanaged, IElement<T>
{
    public void Normalise(Matrix x, Tensor weight, Matrix y)
    {
        if (IsFloat(weight))
            Run(new NormWork<T, FloatElement>(new(x), Floats(weight), epsilon, new(y)), x);
        else
            Run(new NormWork<T, T>(new(x), Own(weight), epsilon, new(y)), x);
    }

    public void AddAndNormalise(Matrix x, Matrix delta, float scale, Tensor weight, Matrix sum, Matrix y)
    {
        if (IsFloat(weight))
        {
            Run(new AddNormWork<T, FloatElement>(
                new(x), new(delta), scale, Floats(weight), epsilon, new(sum), new(y)), x);
        }
        else
        {
            Run(new AddNormWork<T, T>(new(x), new(delta), scale, Own(weight), epsilon, new(sum), new(y)), x);
        }
    }

    public void Backward(Matrix x, Tensor weight, Matrix dy, Matrix residual, Matrix dx, Matrix normalised)
    {
        if (IsFloat(weight))
        {
            Run(new NormBackwardWork<T, FloatElement>(
                new(x), Floats(weight), epsilon, new(dy), new(residual), new(dx), new(normalised)), x);
        }
        else
        {
            Run(new NormBackwardWork<T, T>(
                new(x), Own(weight), epsilon, new(dy), new(residual), new(dx), new(normalised)), x);
        }
    }

    public void Gradient(Matrix x, Tensor weight, Matrix dy, Matrix dx)
    {
        if (IsFloat(weight))
            Run(new NormGradientWork<T, FloatElement>(new(x), Floats(weight), epsilon, new(dy), new(dx)), x);
        else
            Run(new NormGradientWork<T, T>(new(x), Own(weight), epsilon, new(dy), new(dx)), x);
    }

    /// <summary>Queries and keys to their normalised and rotated form.</summary>
    public void RotateNormalised(AttentionHeads<T> heads, AttentionInput input, HeadNorms norms)
    {
        Rows<T> qkv = new(input.Qkv), rotated = new(input.Rotated);
        if (IsFloat(norms.Query))
        {
            Run(new RotateNormalisedWork<T, FloatElement>(
                heads, Groups(input.Shape, norms, Floats(norms.Query), Floats(norms.Key)), qkv, epsilon, rotated),
                input.Qkv);
        }
        else
        {
            Run(new RotateNormalisedWork<T, T>(
                heads, Groups(input.Shape, norms, Own(norms.Query), Own(norms.Key)), qkv, epsilon, rotated), input.Qkv);
        }
    }

    /// <summary>Gradients of normalised queries and keys to those of what was projected, in place.</summary>
    public void HeadsBackward(AttentionInput input, HeadNorms norms, Matrix gradient)
    {
        Rows<T> qkv = new(input.Qkv), rows = new(gradient);
        if (IsFloat(norms.Query))
        {
            Run(new HeadNormsBackwardWork<T, FloatElement>(
                Groups(input.Shape, norms, Floats(norms.Query), Floats(norms.Key)), qkv, epsilon, rows), input.Qkv);
        }
        else
        {
            Run(new HeadNormsBackwardWork<T, T>(
                Groups(input.Shape, norms, Own(norms.Query), Own(norms.Key)), qkv, epsilon, rows), input.Qkv);
        }
    }

    private static NormGroups<TWeight> Groups<TWeight>(
        AttentionShape shape, HeadNorms norms, TWeight* query, TWeight* key)
        where TWeight : unmanaged, IElement<TWeight> => new(
        query, key, shape.QueryWidth, shape.RotatedWidth, (int)norms.Query.shape[0], (int)norms.Key.shape[0]);

    private static void Run<TWork>(TWork work, Matrix x) where TWork : unmanaged, IRangeWork =>
        WorkerTeam.Run(work, x.Rows, x.Columns);

    private static bool IsFloat(Tensor weight) =>
        typeof(T) != typeof(FloatElement) && weight.dtype == ScalarType.Float32;

    private static T* Own(Tensor weight) => (T*)TensorMemory.Pointer(weight);

    private static FloatElement* Floats(Tensor weight) => (FloatElement*)TensorMemory.Pointer(weight);
}
