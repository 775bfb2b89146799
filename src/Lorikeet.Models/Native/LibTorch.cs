using System.Runtime.InteropServices;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;

namespace Lorikeet.Models.Native;

/// <summary>
/// The one place that loads libtorch, which must come before the first use of TorchSharp; loading a model does it. It
/// comes from a folder that the user names (the option <c>libtorch</c> or <c>LORIKEET_LIBTORCH</c>, for instance
/// <c>site-packages/torch/lib</c> of a Python install with CUDA), from beside the program, or from the NuGet cache
/// (CPU, downloaded with the build).
/// </summary>
public static class LibTorch
{
    private static readonly Lock s_gate = new();
    private static LibTorchInstallation? s_loaded;

    /// <summary>What was loaded, or null before <see cref="Load"/>.</summary>
    public static LibTorchInstallation? Loaded => s_loaded;

    /// <summary>
    /// Downloads a NuGet package, by its name and version, into the NuGet cache. Asked once, when libtorch is found
    /// nowhere and no folder is named.
    /// </summary>
    /// <value>Null, the default: nothing is downloaded, and <see cref="Load"/> says what would do it.</value>
    public static Action<string, string>? Download { get; set; }

    /// <summary>Loads libtorch and TorchSharp's native library; later calls return what the first one loaded.</summary>
    /// <param name="folder">
    /// Folder of <c>libtorch_cpu</c>; null means the environment variable, then beside the program, then the NuGet
    /// cache.
    /// </param>
    /// <exception cref="DeviceException">
    /// A library is missing or does not fit this system; the message says which.
    /// </exception>
    public static LibTorchInstallation Load(string? folder = null)
    {
        lock (s_gate)
        {
            return s_loaded ??= LoadOnce(LibTorchLocation.Find(folder, Download));
        }
    }

    private static LibTorchInstallation LoadOnce(string folder)
    {
        OpenMp.PreferSleeping();
        var hasCuda = File.Exists(Path.Combine(folder, LibTorchLocation.FileName("torch_cuda")));
        if (hasCuda)
            CudaMemory.CountAllocations();

        // Order matters: each library finds the ones before it by name.
        string[] libraries = OperatingSystem.IsWindows()
            ? ["c10", "torch_cpu", "torch"]
            : ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];
        foreach (var library in libraries)
        {
            var path = Path.Combine(folder, LibTorchLocation.FileName(library));
            if (File.Exists(path))
                LoadLibrary(path);
        }

        var patched = LoadTorchSharp();
        torch.InitializeDeviceType(DeviceType.CPU);
        return new LibTorchInstallation(folder, hasCuda, patched);
    }

    /// <summary>Loads TorchSharp's library, patched when the system's libstdc++ is older than it asks for.</summary>
    private static bool LoadTorchSharp()
    {
        var original = Path.Combine(LibTorchLocation.OfTorchSharp(), LibTorchLocation.FileName("LibTorchSharp"));
        try
        {
            NativeLibrary.Load(original);
            return false;
        }
        catch (DllNotFoundException fault) when (
            fault.Message.Contains(OldLibStdCpp.MissingVersion, StringComparison.Ordinal))
        {
            LoadLibrary(OldLibStdCpp.Patch(original));
            return true;
        }
        catch (DllNotFoundException fault)
        {
            throw new DeviceException(
                $"TorchSharp's native library could not be loaded: {fault.Message.Trim()}. Run 'lorikeet doctor'.",
                fault);
        }
    }

    private static void LoadLibrary(string path)
    {
        try
        {
            NativeLibrary.Load(path);
        }
        catch (DllNotFoundException fault)
        {
            throw new DeviceException(
                $"'{path}' could not be loaded: {fault.Message.Trim()}. The libraries it needs must be beside it or " +
                "on the system's library path (LD_LIBRARY_PATH on Linux). Run 'lorikeet doctor'.", fault);
        }
    }
}
