// ZeRO (arXiv 1910.02054), stages 1 and 2: each of N ranks keeps the optimizer's state of 1/N of the elements, updates
// those from their gradients, and the updated shares come together. Rules that work element by element give the same as
// one optimizer with all.
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>An optimizer whose state is divided among ranks.</summary>
internal sealed class ShardedOptimizer : Optimizer
{
    private const double Epsilon = 1e-6; // as Gradients.Clip

    private readonly ParameterShards _shards;
    private readonly Tensor? _ownGradients;
    private readonly Dictionary<ShardedSlice, Parameter> _slices = [];
    private readonly Optimizer _inner;
    private readonly string[] _stateNames;
    private readonly Dictionary<string, Tensor> _collected = [];

    /// <param name="parameters">All of them, each with a gradient.</param>
    /// <param name="options">Kind, betas, epsilon and weight decay.</param>
    /// <param name="shards">Who keeps what.</param>
    /// <param name="ownGradients">
    /// This rank's share of the gradients (<see cref="GradientReduction.Own"/>); null where it has all of them.
    /// </param>
    /// <exception cref="ConfigurationException">The optimizer's state is not by element.</exception>
    public ShardedOptimizer(
        IReadOnlyList<Parameter> parameters, OptimizationOptions options, ParameterShards shards, Tensor? ownGradients)
        : base(parameters, options)
    {
        if (options.Optimizer is OptimizerKind.AdamW8Bit or OptimizerKind.PagedAdamW8Bit)
            throw new ConfigurationException(
                "'zero_stage' divides the optimizer's state element by element, and that of 'optim' adamw_8bit has "
                + "scales of 256 elements. Expected adamw_torch, paged_adamw_32bit or sgd, or 'zero_stage' 0.");
        using var quiet = no_grad();
        (_shards, _ownGradients) = (shards, ownGradients);
        foreach (var part in shards.Parts)
            foreach (var slice in part.Slices)
                _slices[slice] = Slice(part, slice);
        _inner = Create([.. _slices.Values], options);
        _stateNames = shards.Ranks.Broadcast(
            string.Join(' ', _inner.State().Select(state => state.Name[..state.Name.IndexOf('.')]).Distinct()))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    public override double Step(Gradients gradients, double limit, double learningRate)
    {
        var norm = _ownGradients is null ? gradients.Clip(limit) : ClipOwn(limit);
        if (double.IsFinite(norm))
            Step(learningRate);
        return norm;
    }

    public override void Step(double learningRate)
    {
        using var quiet = no_grad();
        NextStep();
        _inner.Step(learningRate);
        foreach (var part in _shards.Parts)
            part.Gather(slice => _slices[slice].Value, DeviceOf(part), (parameter, values) =>
            {
                using var flat = parameter.Value.detach();
                flat.copy_(values.view(flat.shape));
            });
    }

    /// <summary>All of it, on rank 0 while it is collected; of this rank's share otherwise.</summary>
    public override IEnumerable<(string Name, Tensor Value)> State() =>
        _collected.Count > 0 ? _collected.Select(pair => (pair.Key, pair.Value)) : _inner.State();

    public override IDisposable? Collect()
    {
        using var quiet = no_grad();
        foreach (var name in _stateNames)
        {
            var own = OwnState(name);
            foreach (var part in _shards.Parts)
                part.Gather(slice => own[slice.Parameter.Name], DeviceOf(part), (parameter, values) =>
                {
                    if (_shards.Ranks.IsFirst)
                        _collected[$"{name}.{parameter.Name}"] =
                            values.view(parameter.Value.shape).cpu().clone().DetachFromDisposeScope();
                });
        }

        return new Collection(this);
    }

    /// <summary>
    /// Keeps the whole state in the host's memory, until <see cref="Share"/> gives each rank its part.
    /// </summary>
    public override void Restore(ITensorSource source, int steps)
    {
        using var quiet = no_grad();
        foreach (var parameter in Parameters)
            foreach (var name in _stateNames.Select(name => $"{name}.{parameter.Name}"))
                _collected[name] = Read(source, name, parameter.Value.shape).DetachFromDisposeScope();
    }

    public override void Share(Communicator ranks, int steps)
    {
        using var quiet = no_grad();
        ContinueFrom(steps);
        _inner.ContinueFrom(steps);
        foreach (var name in _stateNames)
        {
            var own = OwnState(name);
            foreach (var part in _shards.Parts)
                foreach (var parameter in part.Parameters)
                {
                    using var scope = NewDisposeScope();
                    var whole = _collected.TryGetValue($"{name}.{parameter.Name}", out var stored)
                        ? stored.to(parameter.Value.device)
                        : empty(parameter.Value.shape, ScalarType.Float32, parameter.Value.device);
                    ranks.Broadcast(whole);
                    foreach (var slice in part.Slices.Where(slice => ReferenceEquals(slice.Parameter, parameter)))
                        own[parameter.Name].copy_(slice.Of(whole));
                }
        }

        Forget();
    }

    public override void Dispose()
    {
        Forget();
        _inner.Dispose();
        foreach (var slice in _slices.Values)
            slice.Value.Dispose();
    }

    private protected override void Update(int index, Parameter parameter, Tensor gradient, double learningRate) =>
        throw new InvalidOperationException("Each rank updates its slices; call Step.");

    /// <summary>A rank's slice of a parameter as a parameter of its own, on the same memory.</summary>
    private Parameter Slice(ShardedPart part, ShardedSlice slice)
    {
        var value = slice.Of(slice.Parameter.Value).requires_grad_().DetachFromDisposeScope();
        using var gradient = _ownGradients is null ? slice.Of(slice.Parameter.Value.grad!)
            : _ownGradients.narrow(0, part.OwnStart + slice.InShare, slice.Count);
        value.grad = gradient;
        return slice.Parameter with { Value = value };
    }

    private double ClipOwn(double limit)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Span<double> squares = [Math.Pow(_ownGradients!.norm().item<float>(), 2)];
        _shards.Ranks.Sum(squares);
        var norm = Math.Sqrt(squares[0]);
        if (limit > 0 && norm + Epsilon > limit)
            _ownGradients.Scale(limit / (norm + Epsilon));
        return norm;
    }

    private Dictionary<string, Tensor> OwnState(string name) => _inner.State()
        .Where(state => state.Name.StartsWith($"{name}.", StringComparison.Ordinal))
        .ToDictionary(state => state.Name[(name.Length + 1)..], state => state.Value);

    private static Device DeviceOf(ShardedPart part) => part.Parameters[0].Value.device;

    private void Forget()
    {
        foreach (var tensor in _collected.Values)
            tensor.Dispose();
        _collected.Clear();
    }

    private sealed class Collection(ShardedOptimizer optimizer) : IDisposable
    {
        public void Dispose() => optimizer.Forget();
    }
}
