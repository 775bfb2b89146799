using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>NVIDIA's run-time compiler for CUDA C++, the one that comes with the libtorch in use.</summary>
/// <remarks>Reference: NVRTC documentation, nvrtc.h.</remarks>
internal sealed unsafe partial class Nvrtc
{
    private readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> _createProgram;
    private readonly delegate* unmanaged<nint, int, byte**, int> _compileProgram;
    private readonly delegate* unmanaged<nint*, int> _destroyProgram;
    private readonly delegate* unmanaged<nint, nuint*, int> _logSize;
    private readonly delegate* unmanaged<nint, byte*, int> _log;
    private readonly int[] _architectures;
    private readonly nint _library;

    private Nvrtc(nint library)
    {
        _library = library;
        _createProgram = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)Export(
            "nvrtcCreateProgram");
        _compileProgram = (delegate* unmanaged<nint, int, byte**, int>)Export("nvrtcCompileProgram");
        _destroyProgram = (delegate* unmanaged<nint*, int>)Export("nvrtcDestroyProgram");
        _logSize = (delegate* unmanaged<nint, nuint*, int>)Export("nvrtcGetProgramLogSize");
        _log = (delegate* unmanaged<nint, byte*, int>)Export("nvrtcGetProgramLog");

        int major, minor, count;
        Require(((delegate* unmanaged<int*, int*, int>)Export("nvrtcVersion"))(&major, &minor));
        Require(((delegate* unmanaged<int*, int>)Export("nvrtcGetNumSupportedArchs"))(&count));
        _architectures = new int[count];
        fixed (int* start = _architectures)
            Require(((delegate* unmanaged<int*, int>)Export("nvrtcGetSupportedArchs"))(start));
        Version = new Version(major, minor);
    }

    public Version Version { get; }

    /// <summary>
    /// Loads the compiler beside the libtorch in <paramref name="folder"/>, or from the library path.
    /// </summary>
    /// <exception cref="DeviceException">There is none.</exception>
    public static Nvrtc Load(string folder)
    {
        var candidates = Beside(folder).Concat(OperatingSystem.IsWindows()
            ? ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"]
            : ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"]);
        foreach (var candidate in candidates)
            if (NativeLibrary.TryLoad(candidate, out var library))
                return new Nvrtc(library);
        throw new DeviceException(
            $"NVIDIA's run-time compiler (libnvrtc) was found neither beside the libtorch in '{folder}' nor on the " +
            "library path. The kernels are compiled with it. Install nvidia-cuda-nvrtc, or add its folder to " +
            "LD_LIBRARY_PATH.");
    }

    /// <summary>
    /// The newest architecture, such as 90, that this compiler knows and a device of <paramref name="capability"/>
    /// runs.
    /// </summary>
    public int ArchitectureFor(int capability) =>
        _architectures.Where(known => known <= capability).DefaultIfEmpty().Max();

    /// <summary>
    /// Compiles to machine code for exactly one architecture, or to PTX, which newer devices translate.
    /// </summary>
    /// <exception cref="InvalidOperationException">The compiler's log says why.</exception>
    public byte[] Compile(string source, string name, int architecture, bool toMachineCode)
    {
        nint program;
        fixed (byte* text = Encoding.UTF8.GetBytes(source + '\0'), title = Encoding.UTF8.GetBytes(name + '\0'))
            Require(_createProgram(&program, text, title, 0, null, null));
        try
        {
            var kind = toMachineCode ? "sm" : "compute";
            fixed (byte* target = Encoding.UTF8.GetBytes($"--gpu-architecture={kind}_{architecture}\0"),
                dialect = "--std=c++17\0"u8, lines = "--generate-line-info\0"u8)
            {
                var options = stackalloc byte*[] { target, dialect, lines };
                var status = _compileProgram(program, 3, options);
                if (status != 0)
                    throw new InvalidOperationException(
                        $"{name} did not compile for {kind}_{architecture}:\n{Log(program)}");
            }

            return toMachineCode ? Output(program, "CUBIN") : Output(program, "PTX");
        }
        finally
        {
            _ = _destroyProgram(&program);
        }
    }

    private byte[] Output(nint program, string kind)
    {
        nuint size;
        Require(((delegate* unmanaged<nint, nuint*, int>)Export($"nvrtcGet{kind}Size"))(program, &size));
        var image = new byte[size];
        fixed (byte* start = image)
            Require(((delegate* unmanaged<nint, byte*, int>)Export($"nvrtcGet{kind}"))(program, start));
        return image;
    }

    private string Log(nint program)
    {
        nuint size;
        Require(_logSize(program, &size));
        var text = new byte[size];
        fixed (byte* start = text)
            Require(_log(program, start));
        return Encoding.UTF8.GetString(text).TrimEnd('\0', '\n');
    }

    /// <summary>pip's layouts, then the folder itself, as in libtorch's own archives.</summary>
    private static IEnumerable<string> Beside(string folder)
    {
        var packages = Path.Combine(folder, "..", "..", "nvidia");
        string[] folders = [Path.Combine(packages, "cu13", "lib"), Path.Combine(packages, "cuda_nvrtc", "lib"), folder];
        return folders.Where(Directory.Exists).SelectMany(Directory.EnumerateFiles)
            .Where(path => FileName().IsMatch(Path.GetFileName(path)));
    }

    private static void Require(int status)
    {
        if (status != 0)
            throw new InvalidOperationException($"NVRTC failed with status {status}.");
    }

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    [GeneratedRegex(@"^(libnvrtc(-[0-9a-f]+)?\.so\.\d+|nvrtc64_\d+_\d+\.dll)$")]
    private static partial Regex FileName();
}
