using System.Collections.Concurrent;
using System.Diagnostics;
using Lorikeet.Formats.Safetensors;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// Brings stored tensors to a device through a small ring of pinned memory: every thread takes the slot that was queued
/// longest ago, fills it from the file and queues its copy, so that reading keeps all cores and the bus busy at once.
/// </summary>
/// <remarks>
/// Copies go to torch's current stream, so whatever is queued there afterwards finds the tensor complete.
/// </remarks>
internal sealed unsafe class CudaUpload : IDisposable
{
    /// <summary>More cores do not read faster: memory and the bus are the limit.</summary>
    private const int MostThreads = 16;

    private const int SlotsPerThread = 2; // one is filled while the other is copied

    private readonly Device _device;
    private readonly CudaDevice _cuda;
    private readonly LoadClock _clock;
    private readonly int _threads = Math.Min(Environment.ProcessorCount, MostThreads);
    private readonly PinnedMemory _memory;
    private readonly BlockingCollection<Slot> _slots = [];
    private readonly Lock _queue = new();

    public CudaUpload(Device device, LoadClock clock)
    {
        (_device, _clock) = (device, clock);
        _cuda = CudaDevice.Of(Math.Max(device.index, 0));
        var count = _threads * SlotsPerThread;
        _memory = new PinnedMemory(_cuda, (long)count * Slices.Bytes);
        for (var i = 0; i < count; i++)
            _slots.Add(new Slot(_memory.Start + (long)i * Slices.Bytes, new CudaInterval()));
    }

    /// <summary>
    /// A stored tensor on the device. What it was read from is free when this returns; the device may still copy.
    /// </summary>
    /// <param name="source">Where it lies.</param>
    /// <param name="entry">What is said about it there.</param>
    /// <param name="shape">The shape it gets.</param>
    /// <param name="type">The type it gets.</param>
    public Tensor Read(ITensorSource source, TensorEntry entry, long[] shape, ScalarType type)
    {
        var tensor = empty(shape, type, _device);
        var (start, stream) = ((nint)TensorMemory.Address(tensor), _cuda.Stream);
        void Copy(long offset, int length) => Send(
            memory => source.Read(entry.Name, offset, length, (byte*)memory), start + (nint)offset, length, stream);
        try
        {
            Slices.ForEach(entry.ByteCount, Slices.Bytes, Copy, _threads);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Waits for the copies under way.</summary>
    public void Dispose()
    {
        _cuda.Activate();
        while (_slots.TryTake(out var slot))
        {
            _clock.Add(LoadStage.Copy, slot.Copying.Wait());
            slot.Copying.Dispose();
        }

        _slots.Dispose();
        _memory.Dispose();
    }

    private void Send(Action<nint> fill, nint target, int length, nint stream)
    {
        _cuda.Activate();
        var slot = _slots.Take();
        try
        {
            var start = Stopwatch.GetTimestamp();
            var copied = slot.Copying.Wait();
            var waited = Stopwatch.GetElapsedTime(start);
            fill((nint)slot.Memory);
            var read = Stopwatch.GetElapsedTime(start) - waited;

            // One at a time, or the interval would measure another thread's copy too.
            lock (_queue)
            {
                slot.Copying.Start(stream);
                CudaDriver.CopyToDevice(target, slot.Memory, length, stream);
                slot.Copying.End(stream);
            }

            var queued = Stopwatch.GetElapsedTime(start) - waited - read;
            _clock.Add(LoadStage.Copy, copied);
            _clock.Add(LoadStage.Wait, (waited + queued).TotalSeconds / _threads);
            _clock.Add(LoadStage.Read, read.TotalSeconds / _threads);
        }
        finally
        {
            _slots.Add(slot);
        }
    }

    private readonly struct Slot(byte* memory, CudaInterval copying)
    {
        public readonly byte* Memory = memory;
        public readonly CudaInterval Copying = copying;
    }
}
