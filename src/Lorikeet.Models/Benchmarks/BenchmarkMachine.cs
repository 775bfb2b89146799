using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Benchmarks;

/// <summary>
/// The device that a benchmark runs on: its clock is drained here, and its memory and GEMM rate are read here.
/// </summary>
public sealed class BenchmarkMachine
{
    private readonly bool _isCuda;

    private BenchmarkMachine(Device device, ScalarType type)
    {
        (Device, Type, _isCuda) = (device, type, device.type == DeviceType.CUDA);
        Name = _isCuda ? CudaDevice.Of(Math.Max(device.index, 0)).Name : $"cpu, {get_num_threads()} threads";
    }

    /// <summary>The device in torch's terms.</summary>
    public Device Device { get; }

    /// <summary>Type of activations and GEMMs: float32 or bfloat16.</summary>
    public ScalarType Type { get; }

    /// <summary>What people call the device: a GPU's name, or <c>cpu, 8 threads</c>.</summary>
    public string Name { get; }

    /// <summary>Bytes in use now on a GPU; on a CPU the process's peak, which is all that the system keeps.</summary>
    public long UsedMemory => _isCuda ? CudaMemory.Used(Device) : PeakMemory.OfProcess();

    /// <summary>
    /// Most bytes in use at once: on a GPU since <see cref="ResetPeak"/>, on a CPU since the process began.
    /// </summary>
    public long PeakUsedMemory => _isCuda ? CudaMemory.PeakUsed(Device) : PeakMemory.OfProcess();

    /// <summary>Most bytes that the GPU's allocator held, in use or not; on a CPU the process's peak.</summary>
    public long PeakReservedMemory => _isCuda ? CudaMemory.PeakReserved(Device) : PeakMemory.OfProcess();

    /// <summary>Checks the options, loads libtorch, sets the number of threads and finds the device.</summary>
    /// <param name="options">
    /// Of them: device, dtype, threads, libtorch, and what could only be ignored on the device.
    /// </param>
    /// <exception cref="ConfigurationException">
    /// An option has an unknown value, or one that is not for this device.
    /// </exception>
    /// <exception cref="DeviceException">libtorch or the device is missing.</exception>
    public static BenchmarkMachine Open(BenchmarkOptions options)
    {
        BenchmarkModel.Check(options);
        LibTorch.Load(options.LibTorch);
        if (options.Threads is { } threads)
            set_num_threads(threads);
        var type = options.Type == ComputeType.Float32 ? ScalarType.Float32 : ScalarType.BFloat16;
        return new BenchmarkMachine(ComputeDevice.Resolve(options.Device), type);
    }

    /// <summary>
    /// Floating-point operations a second of large GEMMs in <see cref="Type"/>, the best of a few; takes a second or
    /// two.
    /// </summary>
    public double MeasureGemmRate() => GemmRate.Measure(Type, Device);

    /// <summary>
    /// Leaves only so many bytes of a GPU to the process, its context included; a CPU is left as it is.
    /// </summary>
    public void LimitMemory(long bytes)
    {
        if (_isCuda)
            CudaMemory.LimitTo(Device, bytes);
    }

    /// <summary>Forgets a GPU's peaks; those of a process are for its life.</summary>
    public void ResetPeak() => PeakMemory.Reset(Device);

    /// <summary>Returns when the device has done all work that it was given.</summary>
    public void Wait()
    {
        if (_isCuda)
            cuda.synchronize();
    }

    /// <summary>Refuses what could only be ignored by a benchmark that computes with the model.</summary>
    /// <exception cref="ConfigurationException">
    /// dtype is float16, or an option for a GPU is given and this is none.
    /// </exception>
    public void RequireSense(BenchmarkOptions options)
    {
        if (options.Type == ComputeType.Float16)
            throw new ConfigurationException(
                "'dtype' is float16, which is not measured. Expected float32 or bfloat16.");
        if (!_isCuda && (options.OffloadCheckpoints || options.MemoryLimit is not null))
        {
            throw new ConfigurationException(
                $"'activation_offloading' and 'memory_limit' are for a GPU, and this is {Device}. Leave them out, or " +
                "set 'device' to cuda.");
        }

        if (options.OffloadCheckpoints && !options.Optimized)
            throw new ConfigurationException("The reference offloads no activations. Leave out " +
                "'activation_offloading', or set 'optimized' to true.");
    }
}
