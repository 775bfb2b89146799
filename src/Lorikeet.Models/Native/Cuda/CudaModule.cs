using System.Collections.Concurrent;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Lorikeet.Formats;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// Embedded .cu files, compiled together for a device. Machine code is kept in the user's cache, and loaded once in a
/// process: kernels hold no state, so that all who use them share it.
/// </summary>
internal sealed class CudaModule
{
    private static readonly Lazy<Nvrtc> s_compiler = new(() => Nvrtc.Load(LibTorch.Loaded!.Folder));

    // A load that fails for want of memory is tried again.
    private static readonly ConcurrentDictionary<(int Device, Assembly Owner, string Name), Lazy<nint>> s_modules = [];

    private readonly CudaDevice _device;
    private readonly nint _module;

    /// <param name="device">Where it will run.</param>
    /// <param name="sources">Names of the files; later ones use what earlier ones define.</param>
    public CudaModule(CudaDevice device, params string[] sources)
        : this(device, typeof(CudaModule).Assembly, sources)
    {
    }

    /// <param name="device">Where it will run.</param>
    /// <param name="owner">The assembly in which files are embedded that this one does not have.</param>
    /// <param name="sources">Names of the files; later ones use what earlier ones define.</param>
    public CudaModule(CudaDevice device, Assembly owner, params string[] sources)
    {
        _device = device;
        device.Activate();
        var name = string.Join('+', sources);
        _module = s_modules.GetOrAdd((device.Index, owner, name), _ => new Lazy<nint>(
            () => CudaDriver.LoadModule(Compiled(device, name, Source(owner, sources))),
            LazyThreadSafetyMode.PublicationOnly)).Value;
    }

    /// <summary>The text of embedded files, one after the other.</summary>
    /// <exception cref="InvalidOperationException">
    /// A file is embedded neither here nor in <paramref name="owner"/>.
    /// </exception>
    internal static string Source(Assembly owner, params string[] names) =>
        string.Concat(names.Select(name => Read(owner, name)));

    /// <summary>A kernel by the name it has in the source.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="startsEarly">Whether it waits itself for what the kernel before it writes.</param>
    public CudaKernel Kernel(string name, bool startsEarly = false) =>
        new(_device, CudaDriver.Function(_module, Encoding.UTF8.GetBytes(name + '\0')), startsEarly);

    private static byte[] Compiled(CudaDevice device, string name, string source)
    {
        var compiler = s_compiler.Value;
        var architecture = compiler.ArchitectureFor(device.Capability);
        if (architecture == 0)
        {
            throw new DeviceException(
                $"cuda:{device.Index} has compute capability {device.Capability / 10.0:0.0}, for which NVRTC " +
                $"{compiler.Version} cannot compile. Use a libtorch built for this device.");
        }

        var exact = architecture == device.Capability;
        var key = Encoding.UTF8.GetBytes($"{compiler.Version} {architecture} {exact}\n{source}");
        var path = Path.Combine(UserCache.Folder, "kernels", Convert.ToHexStringLower(SHA256.HashData(key))[..32]);
        if (File.Exists(path))
            return File.ReadAllBytes(path);

        var image = compiler.Compile(source, name, architecture, exact);
        AtomicFile.Write(path, stream => stream.Write(image));
        return image;
    }

    private static string Read(Assembly owner, string name)
    {
        var resource = $"Lorikeet.Kernels.{name}.cu";
        using var stream = typeof(CudaModule).Assembly.GetManifestResourceStream(resource)
            ?? owner.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"{resource} is not embedded.");
        using var reader = new StreamReader(stream);
        return $"#line 1 \"{name}.cu\"\n{reader.ReadToEnd()}";
    }
}
