using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>
/// Norm, clipping and AdamW of all parameters on a CUDA device, in three launches and without waiting (AdamW.cu).
/// </summary>
/// <typeparam name="TRule">The arithmetic.</typeparam>
internal sealed unsafe class CudaAdamW<TRule> : IDisposable where TRule : unmanaged, IAdamRule<TRule>
{
    private const int Threads = 256;
    private const int Length = 8192; // elements of a block, as in AdamW.cu
    private const int MostSums = 1024;
    private const int MostGroups = 8;

    private readonly OptimizationOptions _options;
    private readonly (double RateFactor, bool Decays)[] _groups;
    private readonly CudaKernel _squares, _clip, _update;
    private readonly JobTable _jobs;
    private readonly Tensor _sums; // float64 [blocks of the first launch]
    private readonly Tensor _clipping; // float32 [2]: norm, factor

    private CudaAdamW(
        IReadOnlyList<Parameter> parameters, IReadOnlyList<FullMoments> moments,
        (double RateFactor, bool Decays)[] groups, OptimizationOptions options)
    {
        (_options, _groups) = (options, groups);
        var device = parameters[0].Value.device;
        var module = new CudaModule(
            CudaDevice.Of(Math.Max(device.index, 0)), typeof(CudaAdamW<>).Assembly, "Elements", "AdamW");
        (_squares, _clip, _update) = (
            module.Kernel("squares"), module.Kernel("clip"), module.Kernel($"adamw_{typeof(TRule).Name}"));
        _jobs = JobTable.Create(
            [.. parameters.Zip(moments, (parameter, both) =>
                (new Job(parameter.Value, both, Array.IndexOf(groups, GroupOf(parameter))),
                    Pieces(parameter.Value.NumberOfElements, Length)))],
            device);
        var all = parameters.Sum(parameter => parameter.Value.NumberOfElements);
        _sums = empty([Math.Min(MostSums, Pieces(all, 4 * Threads))], ScalarType.Float64, device)
            .DetachFromDisposeScope();
        _clipping = zeros([2], ScalarType.Float32, device).DetachFromDisposeScope();
    }

    /// <summary>
    /// For parameters on a CUDA device, all with averages in float32 and a gradient; null for others.
    /// </summary>
    public static CudaAdamW<TRule>? For(
        IReadOnlyList<Parameter> parameters, IReadOnlyList<Moments> moments, OptimizationOptions options)
    {
        var full = moments.OfType<FullMoments>().ToArray();
        var groups = parameters.Select(GroupOf).Distinct().ToArray();
        return full.Length == parameters.Count && groups.Length <= MostGroups
            && parameters.All(
                parameter => parameter.Value.device_type == DeviceType.CUDA && parameter.Value.grad is not null)
                ? new CudaAdamW<TRule>(parameters, full, groups, options)
                : null;
    }

    /// <summary>Queues a step.</summary>
    /// <param name="gradients">float32, the gradients of all parameters end to end.</param>
    /// <param name="limit">The largest norm allowed; 0 turns clipping off.</param>
    /// <param name="learningRate">The rate of this step.</param>
    /// <param name="step">The step, from 1.</param>
    public void Queue(Tensor gradients, double limit, double learningRate, int step)
    {
        var (sums, clipping) = (Address(_sums), Address(_clipping));
        var count = (int)_sums.NumberOfElements;
        _squares.Launch(count, Threads, Address(gradients), gradients.NumberOfElements, sums);
        _clip.Launch(1, 32, sums, count, limit, clipping);
        var rules = new Rules();
        for (var i = 0; i < _groups.Length; i++)
            rules[i] = TRule.Create(_options, _groups[i].Decays, learningRate * _groups[i].RateFactor, step);
        _update.Launch(_jobs.Blocks, Threads, _jobs.Jobs, _jobs.Parts, clipping, rules);
    }

    /// <summary>The norm of the last step's gradients; waits for it.</summary>
    public double Norm()
    {
        using var norm = _clipping[0];
        return norm.item<float>();
    }

    public void Dispose()
    {
        _jobs.Dispose();
        _sums.Dispose();
        _clipping.Dispose();
    }

    private static (double RateFactor, bool Decays) GroupOf(Parameter parameter) =>
        (parameter.RateFactor, parameter.Decays);

    private static int Pieces(long count, int length) => checked((int)((count + length - 1) / length));

    private static nint Address(Tensor tensor) => (nint)TensorMemory.Address(tensor);

    [InlineArray(MostGroups)]
    private struct Rules
    {
        private TRule _first;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Job(Tensor parameter, FullMoments moments, int rule)
    {
        private const int Aligned = 16;

        private readonly nint _parameter = Address(parameter);
        private readonly nint _gradient = Address(parameter.grad!);
        private readonly nint _first = Address(moments.First);
        private readonly nint _second = Address(moments.Second);
        private readonly long _count = parameter.NumberOfElements;
        private readonly int _rule = rule;
        private readonly int _isWide =
            (Address(parameter) | Address(parameter.grad!) | Address(moments.First) | Address(
                moments.Second)) % Aligned == 0 ? 1 : 0;
    }
}
