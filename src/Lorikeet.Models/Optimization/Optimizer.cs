using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>Moves the trainable parameters along their gradients. Its state is a set of named tensors.</summary>
public abstract class Optimizer : IDisposable
{
    private protected Optimizer(IReadOnlyList<Parameter> parameters, OptimizationOptions options) =>
        (Parameters, Options) = (parameters, options);

    /// <summary>The parameters, in the order of the model.</summary>
    private protected IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Betas, epsilon and weight decay.</summary>
    private protected OptimizationOptions Options { get; }

    /// <summary>Updates done so far; Adam's bias correction counts from 1.</summary>
    public int Steps { get; private set; }

    /// <summary>Creates the optimizer that <paramref name="options"/> name, with a state of zero.</summary>
    /// <param name="parameters">What is trained; they must outlive it.</param>
    /// <param name="options">
    /// Kind, betas, epsilon and weight decay; rates and batches are the caller's business.
    /// </param>
    /// <remarks>
    /// Paged variants compute the same; their states need no paging where host memory is the device's.
    /// </remarks>
    public static Optimizer Create(IReadOnlyList<Parameter> parameters, OptimizationOptions options) =>
        options.Optimizer switch
        {
            OptimizerKind.AdamW => new AdamW<TorchAdamRule>(
                parameters, options, parameter => new FullMoments(parameter.Value, ("exp_avg", "exp_avg_sq"))),
            OptimizerKind.PagedAdamW32Bit => new AdamW<BitsAndBytesAdamRule>(parameters, options, FullBitsAndBytes),
            OptimizerKind.AdamW8Bit or OptimizerKind.PagedAdamW8Bit => new AdamW<BitsAndBytesAdamRule>(
                parameters, options, parameter => KeepsFullMoments(parameter)
                    ? FullBitsAndBytes(parameter)
                    : new EightBitMoments(parameter.Value)),
            OptimizerKind.Sgd => new Sgd(parameters, options),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.Optimizer, "Unknown optimizer."),
        };

    /// <summary>
    /// Clips the gradients to a global norm and updates from them; nothing moves when the norm is not finite.
    /// </summary>
    /// <param name="gradients">Those of all parameters.</param>
    /// <param name="limit">The largest norm allowed; 0 turns clipping off.</param>
    /// <param name="learningRate">The rate of this step.</param>
    /// <returns>The norm before clipping; the device has caught up when it is known.</returns>
    public virtual double Step(Gradients gradients, double limit, double learningRate)
    {
        var norm = gradients.Clip(limit);
        if (double.IsFinite(norm))
            Step(learningRate);
        return norm;
    }

    /// <summary>One update from the gradients of the parameters; a parameter without a gradient stays.</summary>
    /// <param name="learningRate">The rate of this step.</param>
    public virtual void Step(double learningRate)
    {
        using var quiet = no_grad();
        NextStep();
        for (var i = 0; i < Parameters.Count; i++)
        {
            using var scope = NewDisposeScope();
            if (Parameters[i].Value.grad is { } gradient)
                Update(i, Parameters[i], gradient, learningRate * Parameters[i].RateFactor);
        }
    }

    /// <summary>Everything needed to continue, under names that say whose it is.</summary>
    public abstract IEnumerable<(string Name, Tensor Value)> State();

    /// <summary>The same by parameter: the name of each part and its tensor.</summary>
    public ILookup<string, (string Part, Tensor Value)> StateByParameter() => State().ToLookup(
        part => part.Name[(part.Name.IndexOf('.') + 1)..], part => (part.Name[..part.Name.IndexOf('.')], part.Value));

    /// <summary>Takes up a state that <see cref="State"/> described.</summary>
    /// <param name="source">Tensors of the same names and shapes.</param>
    /// <param name="steps">Updates done by then.</param>
    /// <exception cref="CheckpointException">A tensor is missing, or has another shape.</exception>
    public virtual void Restore(ITensorSource source, int steps)
    {
        using var quiet = no_grad();
        Steps = steps;
        foreach (var (name, value) in State())
        {
            using var stored = Read(source, name, value.shape);
            value.copy_(stored);
        }
    }

    /// <summary>A tensor of a stored state.</summary>
    private protected static Tensor Read(ITensorSource source, string name, long[] expected)
    {
        var shape = source.Require(name).Shape;
        if (!shape.SequenceEqual(expected))
        {
            throw new CheckpointException(
                $"'{name}' has shape [{string.Join(", ", shape)}]; the parameter implies " +
                $"[{string.Join(", ", expected)}]. Where: {source}. Is the checkpoint of a run with another " +
                "adapter?");
        }

        return TensorFile.Read(source, name);
    }

    /// <summary>Gives the optimizer of every rank the state that rank 0's has.</summary>
    /// <param name="ranks">All of which call.</param>
    /// <param name="steps">Updates done by then.</param>
    public virtual void Share(Communicator ranks, int steps)
    {
        using var quiet = no_grad();
        Steps = steps;
        foreach (var (_, value) in State())
            ranks.Broadcast(value);
    }

    /// <summary>
    /// Has <see cref="State"/> hold all of the state on rank 0 until the result is disposed; all ranks call.
    /// </summary>
    public virtual IDisposable? Collect() => null;

    /// <summary>Goes on counting from so many updates.</summary>
    internal void ContinueFrom(int steps) => Steps = steps;

    /// <summary>Counts a step.</summary>
    private protected int NextStep() => ++Steps;

    /// <summary>Updates one parameter in place, under no-grad and inside a dispose scope.</summary>
    private protected abstract void Update(int index, Parameter parameter, Tensor gradient, double learningRate);

    /// <inheritdoc/>
    public abstract void Dispose();

    private static FullMoments FullBitsAndBytes(Parameter parameter) => new(parameter.Value, ("state1", "state2"));

    /// <summary>
    /// Small parameters and embeddings, whose rare rows 8 bits would wear away (arXiv 2110.02861, section 2.3).
    /// </summary>
    private static bool KeepsFullMoments(Parameter parameter) =>
        parameter.Value.NumberOfElements < EightBitMoments.SmallestParameter
        || parameter.Name == TensorNames.Weight(TensorNames.Embedding);
}
