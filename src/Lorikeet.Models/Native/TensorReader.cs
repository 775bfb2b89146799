using System.Diagnostics;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>Reads stored tensors onto a device, so that several in a row keep the cores and the bus busy.</summary>
internal sealed class TensorReader : IDisposable
{
    private readonly LoadClock _clock;
    private readonly CudaDevice? _cuda;
    private readonly CudaUpload? _upload;
    private readonly List<CudaInterval> _intervals = [];

    /// <param name="source">Where they lie; stays the caller's.</param>
    /// <param name="device">Where they go.</param>
    /// <param name="clock">
    /// Adds up what took how long; complete when the reader is disposed. Null to measure nothing.
    /// </param>
    public TensorReader(ITensorSource source, Device device, LoadClock? clock = null)
    {
        (Source, Device, _clock) = (source, device, clock ?? new LoadClock());
        if (device.type != DeviceType.CUDA)
            return;
        var start = Stopwatch.GetTimestamp();
        _cuda = CudaDevice.Of(Math.Max(device.index, 0));
        _upload = new CudaUpload(device, _clock);
        _clock.Add(LoadStage.Start, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    public ITensorSource Source { get; }

    public Device Device { get; }

    /// <summary>The tensor as it is stored, on the device.</summary>
    public Tensor Read(string name)
    {
        var entry = Source.Require(name);
        return Read(entry, entry.Shape, TensorFile.ToTorch(entry.Type));
    }

    /// <summary>The bytes of a tensor of any type, on the device: uint8 [bytes, 1].</summary>
    public Tensor ReadBytes(string name)
    {
        var entry = Source.Require(name);
        return Read(entry, [entry.ByteCount, 1], ScalarType.Byte);
    }

    /// <summary>Copies bytes of a tensor into memory of the host. Safe to call from several threads.</summary>
    public unsafe void Read(string name, long offset, long length, byte* target)
    {
        var start = Stopwatch.GetTimestamp();
        Source.Read(name, offset, length, target);
        _clock.Add(LoadStage.Read, Stopwatch.GetElapsedTime(start).TotalSeconds / Environment.ProcessorCount);
    }

    /// <summary>Does work that counts as quantization: on CUDA, until the device has done what it queues.</summary>
    public T Quantize<T>(Func<T> work)
    {
        if (_cuda is null)
        {
            var start = Stopwatch.GetTimestamp();
            var made = work();
            _clock.Add(LoadStage.Quantize, Stopwatch.GetElapsedTime(start).TotalSeconds);
            return made;
        }

        _cuda.Activate();
        var interval = new CudaInterval();
        _intervals.Add(interval);
        interval.Start(_cuda.Stream);
        var queued = work();
        _cuda.Activate();
        interval.End(_cuda.Stream);
        return queued;
    }

    /// <summary>Waits for the device.</summary>
    public void Dispose()
    {
        _cuda?.Activate();
        foreach (var interval in _intervals)
        {
            _clock.Add(LoadStage.Quantize, interval.Wait());
            interval.Dispose();
        }

        _upload?.Dispose();
    }

    private Tensor Read(TensorEntry entry, long[] shape, ScalarType type)
    {
        if (_upload is not null)
            return _upload.Read(Source, entry, shape, type);
        var start = Stopwatch.GetTimestamp();
        var tensor = TensorFile.Read(Source, entry, shape, type);
        _clock.Add(LoadStage.Read, Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (Device.type == DeviceType.CPU)
            return tensor;
        using (tensor)
            return tensor.to(Device);
    }
}
