using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Loop;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>
/// Adds up what a run will take: the model, what is trained of it, and the pass, each made without memory and counted.
/// </summary>
internal sealed class MemoryPlanner : IDisposable
{
    // What a CUDA run holds beside tensors: workspaces of cuBLAS and cuDNN, tables, rounding.
    private const long CudaLibraries = 56L << 20;

    // What a process grows by between now and its last step: compiled code, threads, compiled GEMMs, the managed heap.
    private const long ProcessGrowth = 80L << 20;

    // Prompts come in batches of many shapes; oneDNN compiles a GEMM for each and keeps it.
    private const long GrowthByQuestions = 36L << 20;
    private const int ManyQuestions = 100;

    private readonly PassOutline _pass;
    private readonly Device _device;
    private readonly long _libraries;

    /// <param name="model">The outline of the model, its adapters attached.</param>
    /// <param name="options">How it is learned.</param>
    /// <param name="device">Where it will run.</param>
    /// <param name="libraries">Bytes that are not the model's, as <see cref="LibrariesOf"/> has them.</param>
    /// <param name="isLoaded">Whether this process holds the model's weights already.</param>
    /// <param name="division">What this rank takes; null for one process.</param>
    public MemoryPlanner(
        DecoderModel model, OptimizationOptions options, Device device, long libraries, bool isLoaded = false,
        RankDivision? division = null)
    {
        division ??= RankDivision.One;
        Fixed = FixedMemory.Of(model, options, division);
        // On a CPU what the process holds counts as libraries, and weights that are part of it may not count twice.
        var held = isLoaded && device.type != DeviceType.CUDA ? Fixed.Weights : 0;
        (_device, _libraries) = (device, Math.Max(0, libraries - held));
        _pass = new PassOutline(model, device, TrainingStep.PassOptions(options), division.Context);
    }

    /// <summary>
    /// Bytes of a run that are not its tensors: those of libraries; on a CPU, the whole process before the model.
    /// </summary>
    /// <param name="device">Where it will run.</param>
    /// <param name="questions">Questions that the model is asked before and after.</param>
    public static long LibrariesOf(Device device, int questions = 0) => device.type == DeviceType.CUDA
        ? CudaLibraries
        : Environment.WorkingSet + ProcessGrowth + (questions >= ManyQuestions ? GrowthByQuestions : 0);

    /// <summary>Bytes that a run may take of a device that is here, what the process holds already included.</summary>
    /// <param name="device">Where it will run.</param>
    /// <param name="loaded">Bytes of its weights that lie there already.</param>
    public static long FreeBefore(Device device, long loaded = 0) =>
        FreeMemory.Of(device) + (device.type == DeviceType.CUDA ? loaded : Environment.WorkingSet);

    /// <summary>What does not depend on the batches.</summary>
    public FixedMemory Fixed { get; }

    /// <summary>Whether the optimized pass will train it.</summary>
    public bool IsOptimized => _pass.IsOptimized;

    /// <summary>The pass, without memory.</summary>
    public PassOutline Pass => _pass;

    /// <summary>The plan for batches of at most such a size.</summary>
    /// <param name="batch">The largest batch.</param>
    /// <param name="checkpointing">What is to be recomputed.</param>
    /// <param name="free">Bytes that are free before anything is loaded; null where unknown.</param>
    public MemoryPlan Plan(BatchShape batch, Checkpointing checkpointing, long? free)
    {
        // On CUDA, automatic checkpointing leaves room for libraries by itself.
        var others = Fixed.Total + (_device.type == DeviceType.CUDA ? 0 : _libraries);
        var pass = _pass.BytesFor(batch, checkpointing, free - others);
        return new MemoryPlan
        {
            Weights = Fixed.Weights,
            Adapters = Fixed.Adapters,
            Gradients = Fixed.Gradients,
            OptimizerStates = Fixed.OptimizerStates,
            AdapterCopies = pass.AdapterCopies,
            KeptActivations = pass.KeptActivations,
            RecomputedActivations = pass.RecomputedActivations,
            SharedBuffers = pass.SharedBuffers,
            WeightAndLogits = pass.WeightAndLogits,
            Attention = pass.Attention,
            Libraries = _libraries,
            OffloadedToHost = Fixed.Offloaded + pass.OnHost,
            KeptFrom = pass.KeptFrom,
            RecomputedLayers = pass.RecomputedLayers,
            LogitRows = pass.LogitRows,
        };
    }

    public void Dispose() => _pass.Dispose();
}
