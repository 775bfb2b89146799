// What a batch costs (PassWork) over the rates of a machine:
//
//     GEMMs and moved bytes  over the measured rates; attention reaches a third of the rate of GEMMs
//     FP8                    products in it over the rate of GEMMs, times what they gain
//     bus                    what waits in the host's memory comes and goes beside all this; the slower of the two
//                            counts
//     launches               a gap for each piece of work; with a GPU, the host queues them and does what comes with
//                            every step meanwhile, and small models wait for it
//
// The efficiencies, the gaps and the reference's factor were fitted; bench/README.md holds the measurements.
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Passes;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>Estimates the time of a batch from the rates of a machine.</summary>
/// <param name="pass">The pass, without memory.</param>
/// <param name="trained">Parameters that move.</param>
/// <param name="device">Where it will run.</param>
/// <param name="rates">What was measured there.</param>
internal sealed class SpeedPlanner(PassOutline pass, long trained, Device device, MachineRates rates)
{
    private const double GemmEfficiency = 0.95;
    private const double CopyEfficiency = 0.85;
    private const double AttentionEfficiency = 0.33;
    private const double CudaLaunchSeconds = 1.5e-6;
    private const double HostLaunchSeconds = 3e-5; // waking the threads
    private const double QueueingSeconds = 5e-6;
    private const double HostStepSeconds = 4e-3;
    private const double BusRate = 40e9; // PCIe 5.0, not measured

    private const double Float8GainOnCuda = 1.7;
    private const double Float8GainOnCpu = 0.35; // rounded to FP8, multiplied in float32

    private readonly bool _onCuda = device.type == DeviceType.CUDA;

    /// <summary>How much longer the reference path takes, as measured (bench/README.md).</summary>
    private double ReferenceFactor => _onCuda ? 1.6 : 2.1;

    /// <summary>How much faster FP8 products are than GEMMs, what they reach of their own rate included.</summary>
    private double Float8Gain => _onCuda ? Float8GainOnCuda : Float8GainOnCpu;

    /// <summary>What to expect of a run.</summary>
    /// <param name="batches">Its batches.</param>
    /// <param name="memory">What it keeps and recomputes.</param>
    /// <param name="ranks">Processes that share each step.</param>
    /// <param name="forwardPasses">Passes over each batch besides, without a way back: half the work of one.</param>
    public SpeedPlan Plan(RunBatches batches, MemoryPlan memory, int ranks, int forwardPasses = 0)
    {
        var seconds = SecondsOf(batches, memory) * (pass.IsOptimized ? 1 : ReferenceFactor) * (1 + 0.5 * forwardPasses);
        var rate = ranks * batches.TokensPerBatch / seconds;
        var step = batches.TokensPerStep / rate;
        return new SpeedPlan(rates.Gemm, rates.Copy, rate, step, batches.Steps * step);
    }

    private double SecondsOf(RunBatches batches, MemoryPlan memory)
    {
        var work = pass.WorkFor(
            new AverageBatch(batches.TokensPerBatch, batches.AttendedLength, batches.TargetShare), memory.KeptFrom);
        var share = batches.TokensPerBatch / batches.TokensPerStep; // of what is done once a step
        var seconds = Gemms(work.GemmOperations)
            + work.Float8Operations / (rates.Gemm * Float8Gain)
            + work.Attention / (rates.Gemm * AttentionEfficiency)
            + Moved(work.MovedBytes)
            + work.LoraGemms.Sum(thin => Math.Max(Gemms(thin.Operations), Moved(thin.Bytes)))
            + work.Launches * (_onCuda ? CudaLaunchSeconds : HostLaunchSeconds)
            // Clipping and the update read and write seven numbers a parameter
            + Moved(7.0 * sizeof(float) * trained * share);
        var host = _onCuda ? work.QueuedLaunches * QueueingSeconds + HostStepSeconds * share : 0;
        return Math.Max(seconds, Math.Max(2 * memory.OffloadedToHost / BusRate, host));
    }

    private double Gemms(double operations) => operations / (rates.Gemm * GemmEfficiency);

    private double Moved(double bytes) => bytes / (rates.Copy * CopyEfficiency);
}
