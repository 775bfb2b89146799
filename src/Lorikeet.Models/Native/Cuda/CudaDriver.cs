using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>The CUDA driver's C interface, loaded when it is first needed. Every call of it returns a status.</summary>
/// <remarks>Reference: CUDA Driver API, cuda.h. Handles are opaque; a device pointer is 64 bits.</remarks>
internal static unsafe class CudaDriver
{
    private static readonly Dictionary<nint, int> s_sharedMemory = []; // by function, as allowed so far
    private static readonly nint s_library = NativeLibrary.Load(
        OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1");
    private static readonly delegate* unmanaged<LaunchConfiguration*, nint, void**, void**, int> s_launchKernel =
        (delegate* unmanaged<LaunchConfiguration*, nint, void**, void**, int>)Export("cuLaunchKernelEx");
    private static readonly delegate* unmanaged<nint, int, int, int> s_functionSetAttribute =
        (delegate* unmanaged<nint, int, int, int>)Export("cuFuncSetAttribute");
    private static readonly delegate* unmanaged<int*, int, int, int> s_deviceGetAttribute =
        (delegate* unmanaged<int*, int, int, int>)Export("cuDeviceGetAttribute");
    private static readonly delegate* unmanaged<nint*, int, int> s_primaryContextRetain =
        (delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain");
    private static readonly delegate* unmanaged<nint, int> s_contextSetCurrent =
        (delegate* unmanaged<nint, int>)Export("cuCtxSetCurrent");
    private static readonly delegate* unmanaged<nint*, void*, int> s_moduleLoadData =
        (delegate* unmanaged<nint*, void*, int>)Export("cuModuleLoadData");
    private static readonly delegate* unmanaged<nint*, nint, byte*, int> s_moduleGetFunction =
        (delegate* unmanaged<nint*, nint, byte*, int>)Export("cuModuleGetFunction");
    private static readonly delegate* unmanaged<nuint*, nuint*, int> s_memoryGetInfo =
        (delegate* unmanaged<nuint*, nuint*, int>)Export("cuMemGetInfo_v2");
    private static readonly delegate* unmanaged<void*, nuint, uint, int> s_hostRegister =
        (delegate* unmanaged<void*, nuint, uint, int>)Export("cuMemHostRegister_v2");
    private static readonly delegate* unmanaged<void*, int> s_hostUnregister =
        (delegate* unmanaged<void*, int>)Export("cuMemHostUnregister");
    private static readonly delegate* unmanaged<nint, void*, nuint, nint, int> s_copyToDevice =
        (delegate* unmanaged<nint, void*, nuint, nint, int>)Export("cuMemcpyHtoDAsync_v2");
    private static readonly delegate* unmanaged<void*, nint, nuint, nint, int> s_copyToHost =
        (delegate* unmanaged<void*, nint, nuint, nint, int>)Export("cuMemcpyDtoHAsync_v2");
    private static readonly delegate* unmanaged<nint, nint, nuint, nint, int> s_copyOnDevice =
        (delegate* unmanaged<nint, nint, nuint, nint, int>)Export("cuMemcpyDtoDAsync_v2");
    private static readonly delegate* unmanaged<nint, nint, uint, int> s_streamWaitEvent =
        (delegate* unmanaged<nint, nint, uint, int>)Export("cuStreamWaitEvent");
    private static readonly delegate* unmanaged<nint, int> s_streamSynchronize =
        (delegate* unmanaged<nint, int>)Export("cuStreamSynchronize");
    private static readonly delegate* unmanaged<nint*, nuint, int> s_memoryAllocate =
        (delegate* unmanaged<nint*, nuint, int>)Export("cuMemAlloc_v2");
    private static readonly delegate* unmanaged<nint*, int, int> s_deviceGetDefaultMemoryPool =
        (delegate* unmanaged<nint*, int, int>)Export("cuDeviceGetDefaultMemPool");
    private static readonly delegate* unmanaged<nint, int, void*, int> s_memoryPoolGetAttribute =
        (delegate* unmanaged<nint, int, void*, int>)Export("cuMemPoolGetAttribute");
    private static readonly delegate* unmanaged<nint, int, void*, int> s_memoryPoolSetAttribute =
        (delegate* unmanaged<nint, int, void*, int>)Export("cuMemPoolSetAttribute");
    private static readonly delegate* unmanaged<byte*, int, int, int> s_deviceGetName =
        (delegate* unmanaged<byte*, int, int, int>)Export("cuDeviceGetName");
    private static readonly delegate* unmanaged<nint*, uint, int> s_eventCreate =
        (delegate* unmanaged<nint*, uint, int>)Export("cuEventCreate");
    private static readonly delegate* unmanaged<nint, int> s_eventDestroy =
        (delegate* unmanaged<nint, int>)Export("cuEventDestroy_v2");
    private static readonly delegate* unmanaged<nint, nint, int> s_eventRecord =
        (delegate* unmanaged<nint, nint, int>)Export("cuEventRecord");
    private static readonly delegate* unmanaged<nint, int> s_eventSynchronize =
        (delegate* unmanaged<nint, int>)Export("cuEventSynchronize");
    private static readonly delegate* unmanaged<float*, nint, nint, int> s_eventElapsedTime =
        (delegate* unmanaged<float*, nint, nint, int>)Export("cuEventElapsedTime");
    private static readonly delegate* unmanaged<nint*, uint, int> s_streamCreate =
        (delegate* unmanaged<nint*, uint, int>)Export("cuStreamCreate");
    private static readonly delegate* unmanaged<nint, int> s_streamDestroy =
        (delegate* unmanaged<nint, int>)Export("cuStreamDestroy_v2");
    private static readonly delegate* unmanaged<nint, int, int> s_streamBeginCapture =
        (delegate* unmanaged<nint, int, int>)Export("cuStreamBeginCapture_v2");
    private static readonly delegate* unmanaged<nint, nint*, int> s_streamEndCapture =
        (delegate* unmanaged<nint, nint*, int>)Export("cuStreamEndCapture");
    private static readonly delegate* unmanaged<nint*, nint, ulong, int> s_graphInstantiate =
        (delegate* unmanaged<nint*, nint, ulong, int>)Export("cuGraphInstantiateWithFlags");
    private static readonly delegate* unmanaged<nint, int> s_graphDestroy =
        (delegate* unmanaged<nint, int>)Export("cuGraphDestroy");
    private static readonly delegate* unmanaged<nint, int> s_graphExecDestroy =
        (delegate* unmanaged<nint, int>)Export("cuGraphExecDestroy");
    private static readonly delegate* unmanaged<nint, nint, int> s_graphLaunch =
        (delegate* unmanaged<nint, nint, int>)Export("cuGraphLaunch");
    private static readonly delegate* unmanaged<int, byte**, int> s_getErrorString =
        (delegate* unmanaged<int, byte**, int>)Export("cuGetErrorString");

    /// <summary>Attributes of <see cref="Attribute"/> (CUdevice_attribute).</summary>
    public const int ComputeCapabilityMajor = 75, ComputeCapabilityMinor = 76, MultiprocessorCount = 16;

    /// <summary>Queues a kernel; <paramref name="arguments"/> point at its arguments.</summary>
    /// <param name="function">From <see cref="Function"/>.</param>
    /// <param name="shape">Blocks, and what they need.</param>
    /// <param name="startsEarly">
    /// Whether it may begin before the kernel before it has ended; it waits by itself.
    /// </param>
    /// <param name="stream">Where it is queued.</param>
    /// <param name="arguments">One pointer for each parameter.</param>
    public static void Launch(nint function, LaunchShape shape, bool startsEarly, nint stream, void** arguments)
    {
        const int cluster = 4, programmaticSerialization = 6; // CUlaunchAttributeID
        var attributes = stackalloc LaunchAttribute[2];
        var configuration = new LaunchConfiguration
        {
            BlocksX = shape.Blocks,
            BlocksY = 1,
            BlocksZ = 1,
            ThreadsX = shape.Threads,
            ThreadsY = 1,
            ThreadsZ = 1,
            SharedBytes = shape.SharedBytes,
            Stream = stream,
            Attributes = attributes,
        };
        if (startsEarly)
            attributes[configuration.AttributeCount++] = new() { Id = programmaticSerialization, X = 1 };
        if (shape.Cluster > 1)
            attributes[configuration.AttributeCount++] = new() { Id = cluster, X = shape.Cluster, Y = 1, Z = 1 };
        Require(s_launchKernel(&configuration, function, arguments, null), "a kernel");
    }

    /// <summary>
    /// Lets a kernel's blocks have more shared memory than 48 KB, what is static included; never less than before.
    /// </summary>
    public static void AllowSharedMemory(nint function, int bytes)
    {
        const int maxDynamicSharedSize = 8; // CUfunction_attribute
        lock (s_sharedMemory)
        {
            if (s_sharedMemory.GetValueOrDefault(function) >= bytes)
                return;
            Require(s_functionSetAttribute(function, maxDynamicSharedSize, bytes), "shared memory of a kernel");
            s_sharedMemory[function] = bytes;
        }
    }

    public static int Attribute(int device, int attribute)
    {
        int value;
        Require(s_deviceGetAttribute(&value, attribute, device), "reading an attribute of the device");
        return value;
    }

    /// <summary>The context that torch uses too.</summary>
    public static string DeviceName(int device)
    {
        const int most = 256;
        var name = stackalloc byte[most];
        Require(s_deviceGetName(name, most, device), "reading a device's name");
        return System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)name)!;
    }

    public static nint PrimaryContext(int device)
    {
        nint context;
        Require(s_primaryContextRetain(&context, device), "opening the device");
        return context;
    }

    public static void SetCurrentContext(nint context) =>
        Require(s_contextSetCurrent(context), "choosing the device");

    /// <summary>Loads a cubin or, ended by a zero byte, PTX; it stays loaded as long as the process runs.</summary>
    public static nint LoadModule(ReadOnlySpan<byte> image)
    {
        nint module;
        fixed (byte* start = image)
            Require(s_moduleLoadData(&module, start), "loading compiled kernels");
        return module;
    }

    /// <param name="module">From <see cref="LoadModule"/>.</param>
    /// <param name="name">In UTF-8, ended by a zero byte.</param>
    public static nint Function(nint module, ReadOnlySpan<byte> name)
    {
        nint function;
        fixed (byte* start = name)
            Require(s_moduleGetFunction(&function, module, start), "finding a kernel");
        return function;
    }

    /// <summary>Free and total bytes of the current device.</summary>
    public static (long Free, long Total) Memory()
    {
        nuint free, total;
        Require(s_memoryGetInfo(&free, &total), "asking for free memory");
        return ((long)free, (long)total);
    }

    /// <summary>
    /// Pins memory of the host, so that the device copies by itself; false when the system does not allow it.
    /// </summary>
    public static bool TryPin(void* memory, long bytes) => s_hostRegister(memory, (nuint)bytes, 0) == 0;

    public static void Unpin(void* memory) => Require(s_hostUnregister(memory), "unpinning memory");

    /// <summary>Queues a copy to the device. The source must keep its content until the copy is done.</summary>
    public static void CopyToDevice(nint target, void* source, long bytes, nint stream) =>
        Require(s_copyToDevice(target, source, (nuint)bytes, stream), "a copy to the device");

    /// <summary>Queues a copy from the device. The source must keep its content until the copy is done.</summary>
    public static void CopyToHost(void* target, nint source, long bytes, nint stream) =>
        Require(s_copyToHost(target, source, (nuint)bytes, stream), "a copy from the device");

    /// <summary>Queues a copy from one place of the device to another.</summary>
    public static void CopyOnDevice(nint target, nint source, long bytes, nint stream) =>
        Require(s_copyOnDevice(target, source, (nuint)bytes, stream), "a copy on the device");

    /// <summary>Has a stream wait for what an event marks; the caller goes on.</summary>
    public static void Wait(nint stream, nint marked) =>
        Require(s_streamWaitEvent(stream, marked, 0), "waiting for an event");

    /// <summary>Waits until a stream has done all that was queued.</summary>
    public static void Synchronize(nint stream) => Require(s_streamSynchronize(stream), "waiting for a stream");

    /// <summary>Takes memory of the current device away from everybody, as long as the process runs.</summary>
    public static void Occupy(long bytes)
    {
        nint memory;
        Require(s_memoryAllocate(&memory, (nuint)bytes), $"{bytes} bytes of memory");
    }

    /// <summary>A number that a device's default memory pool keeps (CUmemPool_attribute).</summary>
    public static long PoolAttribute(int device, int attribute)
    {
        ulong value;
        Require(s_memoryPoolGetAttribute(DefaultPool(device), attribute, &value), "reading a memory pool");
        return (long)value;
    }

    /// <summary>Sets a number of a device's default memory pool to zero, which starts a new peak.</summary>
    public static void ResetPoolAttribute(int device, int attribute)
    {
        ulong value = 0;
        Require(s_memoryPoolSetAttribute(DefaultPool(device), attribute, &value), "resetting a memory pool");
    }

    private static nint DefaultPool(int device)
    {
        nint pool;
        Require(s_deviceGetDefaultMemoryPool(&pool, device), "finding a memory pool");
        return pool;
    }

    public static nint CreateEvent()
    {
        nint created;
        Require(s_eventCreate(&created, 0), "creating an event");
        return created;
    }

    public static void DestroyEvent(nint timed) => Require(s_eventDestroy(timed), "destroying an event");

    public static void Record(nint timed, nint stream) => Require(s_eventRecord(timed, stream), "recording an event");

    /// <summary>Waits for <paramref name="end"/>; the milliseconds between two events.</summary>
    public static float Elapsed(nint start, nint end)
    {
        float milliseconds;
        Require(s_eventSynchronize(end), "waiting for an event");
        Require(s_eventElapsedTime(&milliseconds, start, end), "reading an event");
        return milliseconds;
    }

    /// <summary>A stream that does not wait for the default one.</summary>
    public static nint CreateStream()
    {
        const uint nonBlocking = 1;
        nint stream;
        Require(s_streamCreate(&stream, nonBlocking), "creating a stream");
        return stream;
    }

    public static void DestroyStream(nint stream) => Require(s_streamDestroy(stream), "destroying a stream");

    /// <summary>
    /// From now on what is queued on a stream is recorded instead; other threads may go on using the device.
    /// </summary>
    public static void BeginCapture(nint stream)
    {
        const int relaxed = 2;
        Require(s_streamBeginCapture(stream, relaxed), "recording a stream");
    }

    /// <summary>What was recorded, ready for <see cref="LaunchGraph"/>.</summary>
    public static nint EndCapture(nint stream)
    {
        nint graph, executable;
        Require(s_streamEndCapture(stream, &graph), "a recording");
        var status = s_graphInstantiate(&executable, graph, 0);
        _ = s_graphDestroy(graph);
        Require(status, "preparing a recording");
        return executable;
    }

    public static void LaunchGraph(nint executable, nint stream) =>
        Require(s_graphLaunch(executable, stream), "a recording");

    public static void DestroyGraph(nint executable) =>
        Require(s_graphExecDestroy(executable), "destroying a recording");

    private static void Require(int status, string what)
    {
        if (status != 0)
            throw Failure(status, what);
    }

    private static DeviceException Failure(int status, string what)
    {
        byte* text = null;
        _ = s_getErrorString(status, &text);
        return new DeviceException(
            $"CUDA refused {what}: error {status}, {Marshal.PtrToStringUTF8((nint)text) ?? "unknown"}. An earlier " +
            "kernel may be the cause; CUDA_LAUNCH_BLOCKING=1 shows which. Check the driver with 'nvidia-smi'.");
    }

    private static nint Export(string name) => NativeLibrary.GetExport(s_library, name);

    /// <summary>CUlaunchConfig.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LaunchConfiguration
    {
        public uint BlocksX, BlocksY, BlocksZ, ThreadsX, ThreadsY, ThreadsZ, SharedBytes;
        public nint Stream;
        public LaunchAttribute* Attributes;
        public uint AttributeCount;
    }

    /// <summary>CUlaunchAttribute; its value is a union of 64 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 72)]
    private struct LaunchAttribute
    {
        public int Id;
        public int Padding;
        public uint X, Y, Z;
    }
}

/// <summary>How a kernel is spread over the device.</summary>
/// <param name="Blocks">Blocks of threads.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
/// <param name="Cluster">Blocks that run together and see each other's shared memory.</param>
internal readonly record struct LaunchShape(uint Blocks, uint Threads, uint SharedBytes, uint Cluster);
