namespace Lorikeet.Models.Native.Cuda;

/// <summary>A compiled kernel. Arguments are passed by value, each of exactly the size the source declares.</summary>
/// <param name="device">Where it runs.</param>
/// <param name="function">The driver's handle of it.</param>
/// <param name="startsEarly">
/// Whether it waits itself for what the kernel before it writes (<c>waitForPrevious</c> in Elements.cu), so that it may
/// begin while that one ends, where <see cref="CudaDevice.Overlap"/> asks for it.
/// </param>
/// <param name="sharedBytes">Dynamic shared memory of a block.</param>
/// <param name="cluster">Blocks that run together and see each other's shared memory.</param>
internal sealed unsafe class CudaKernel(
    CudaDevice device, nint function, bool startsEarly = false, int sharedBytes = 0, int cluster = 1)
{
    /// <summary>The same kernel with dynamic shared memory, its blocks in clusters.</summary>
    public CudaKernel With(int sharedBytes, int cluster = 1)
    {
        device.Activate();
        CudaDriver.AllowSharedMemory(function, sharedBytes);
        return new CudaKernel(device, function, startsEarly, sharedBytes, cluster);
    }

    /// <summary>
    /// Queues it on torch's current stream, on <paramref name="blocks"/> blocks; does nothing for none.
    /// </summary>
    public void Launch<T1, T2>(long blocks, int threads, T1 a, T2 b) where T1 : unmanaged where T2 : unmanaged
    {
        var arguments = stackalloc void*[] { &a, &b };
        Queue(blocks, threads, arguments);
    }

    /// <inheritdoc cref="Launch{T1, T2}"/>
    public void Launch<T1, T2, T3>(long blocks, int threads, T1 a, T2 b, T3 c)
        where T1 : unmanaged where T2 : unmanaged where T3 : unmanaged
    {
        var arguments = stackalloc void*[] { &a, &b, &c };
        Queue(blocks, threads, arguments);
    }

    /// <inheritdoc cref="Launch{T1, T2}"/>
    public void Launch<T1, T2, T3, T4>(long blocks, int threads, T1 a, T2 b, T3 c, T4 d)
        where T1 : unmanaged where T2 : unmanaged where T3 : unmanaged where T4 : unmanaged
    {
        var arguments = stackalloc void*[] { &a, &b, &c, &d };
        Queue(blocks, threads, arguments);
    }

    /// <inheritdoc cref="Launch{T1, T2}"/>
    public void Launch<T1, T2, T3, T4, T5>(long blocks, int threads, T1 a, T2 b, T3 c, T4 d, T5 e)
        where T1 : unmanaged where T2 : unmanaged where T3 : unmanaged where T4 : unmanaged where T5 : unmanaged
    {
        var arguments = stackalloc void*[] { &a, &b, &c, &d, &e };
        Queue(blocks, threads, arguments);
    }

    /// <inheritdoc cref="Launch{T1, T2}"/>
    public void Launch<T1, T2, T3, T4, T5, T6>(long blocks, int threads, T1 a, T2 b, T3 c, T4 d, T5 e, T6 f)
        where T1 : unmanaged where T2 : unmanaged where T3 : unmanaged where T4 : unmanaged where T5 : unmanaged
        where T6 : unmanaged
    {
        var arguments = stackalloc void*[] { &a, &b, &c, &d, &e, &f };
        Queue(blocks, threads, arguments);
    }

    /// <inheritdoc cref="Launch{T1, T2}"/>
    public void Launch<T1, T2, T3, T4, T5, T6, T7>(long blocks, int threads, T1 a, T2 b, T3 c, T4 d, T5 e, T6 f, T7 g)
        where T1 : unmanaged where T2 : unmanaged where T3 : unmanaged where T4 : unmanaged where T5 : unmanaged
        where T6 : unmanaged where T7 : unmanaged
    {
        var arguments = stackalloc void*[] { &a, &b, &c, &d, &e, &f, &g };
        Queue(blocks, threads, arguments);
    }

    /// <inheritdoc cref="Launch{T1, T2}"/>
    public void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9>(
        long blocks, int threads, T1 a, T2 b, T3 c, T4 d, T5 e, T6 f, T7 g, T8 h, T9 i)
        where T1 : unmanaged where T2 : unmanaged where T3 : unmanaged where T4 : unmanaged where T5 : unmanaged
        where T6 : unmanaged where T7 : unmanaged where T8 : unmanaged where T9 : unmanaged
    {
        var arguments = stackalloc void*[] { &a, &b, &c, &d, &e, &f, &g, &h, &i };
        Queue(blocks, threads, arguments);
    }

    /// <inheritdoc cref="Launch{T1, T2}"/>
    public void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>(
        long blocks, int threads, T1 a, T2 b, T3 c, T4 d, T5 e, T6 f, T7 g, T8 h, T9 i, T10 j, T11 k)
        where T1 : unmanaged where T2 : unmanaged where T3 : unmanaged where T4 : unmanaged
        where T5 : unmanaged where T6 : unmanaged where T7 : unmanaged where T8 : unmanaged
        where T9 : unmanaged where T10 : unmanaged where T11 : unmanaged
    {
        var arguments = stackalloc void*[] { &a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k };
        Queue(blocks, threads, arguments);
    }

    private void Queue(long blocks, int threads, void** arguments)
    {
        if (blocks == 0)
            return;
        device.Activate();
        var shape = new LaunchShape(checked((uint)blocks), (uint)threads, (uint)sharedBytes, (uint)cluster);
        CudaDriver.Launch(function, shape, startsEarly && device.Overlaps, device.Stream, arguments);
    }
}
