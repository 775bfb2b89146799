using System.Text.RegularExpressions;
using TorchSharp;

namespace Lorikeet.Models.Native;

/// <summary>The libtorch in use.</summary>
public sealed partial class LibTorchInstallation
{
    internal LibTorchInstallation(string folder, bool hasCuda, bool isPatched) =>
        (Folder, HasCuda, PatchedFor) = (folder, hasCuda, isPatched ? OldLibStdCpp.MissingVersion : null);

    /// <summary>Where its libraries are.</summary>
    public string Folder { get; }

    /// <summary>Whether the folder holds the CUDA part.</summary>
    public bool HasCuda { get; }

    /// <summary>
    /// The version of libstdc++'s symbols that this system lacks and TorchSharp's library was patched to do without,
    /// such as GLIBCXX_3.4.32; null where it was loaded as it is.
    /// </summary>
    public string? PatchedFor { get; }

    /// <summary>
    /// What files around the libraries say, of an archive, a Python install or a package: 2.10.0+cu128; null when
    /// nothing does.
    /// </summary>
    public string? Version
    {
        get
        {
            var parent = Path.GetDirectoryName(Folder)!;
            string[] files = [Path.Combine(parent, "build-version"), Path.Combine(parent, "version.py")];
            foreach (var file in files.Where(File.Exists))
            {
                if (VersionNumber().Match(File.ReadAllText(file)) is { Success: true } match)
                    return match.Value;
            }

            return VersionNumber().Match(Folder) is { Success: true } packaged ? packaged.Value : null;
        }
    }

    /// <summary>How many CUDA devices answer; 0 for a CPU build.</summary>
    public int CountCudaDevices() => HasCuda && CudaAnswers() ? torch.cuda.device_count() : 0;

    /// <summary>
    /// Whether a CUDA build finds a device: not without a driver, nor where CUDA_VISIBLE_DEVICES hides all.
    /// </summary>
    internal static bool CudaAnswers() =>
        torch.TryInitializeDeviceType(DeviceType.CUDA) && torch.cuda.is_available();

    [GeneratedRegex(@"\d+\.\d+\.\d+(\+\w+)?")]
    private static partial Regex VersionNumber();
}
