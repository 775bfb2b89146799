using System.ComponentModel;
using System.Diagnostics;
using Lorikeet.Formats;

namespace Lorikeet.Cli.Shell;

/// <summary>Downloads libtorch with NuGet, as a build would; an installed program has had none.</summary>
internal static class LibTorchDownload
{
    private const string Project = "libtorch.proj";

    /// <summary>
    /// Restores a project that asks for one package, from the package sources of the user's NuGet configuration.
    /// </summary>
    /// <param name="package">Such as libtorch-cpu-linux-x64.</param>
    /// <param name="version">Such as 2.10.0.</param>
    /// <param name="talk">Where the notice of the download is written.</param>
    /// <exception cref="DeviceException">
    /// The package did not come; the message says why, and what fetches it by hand.
    /// </exception>
    public static void Run(string package, string version, TextWriter talk)
    {
        talk.WriteLine($"Downloading libtorch {version} (CPU, 200 MB) into the NuGet cache, this once ...");
        var folder = Directory.CreateTempSubdirectory("lorikeet-libtorch-");
        try
        {
            var project = Path.Combine(folder.FullName, Project);
            using (var text = typeof(LibTorchDownload).Assembly.GetManifestResourceStream(Project)!)
            using (var file = File.Create(project))
                text.CopyTo(file);
            var (code, output) = Restore(
                project, $"-p:LorikeetLibTorchPackage={package}", $"-p:LorikeetLibTorchVersion={version}",
                $"-p:RestoreRootConfigDirectory={Environment.CurrentDirectory}");
            if (code != 0)
                throw Fault(
                    $"'dotnet restore' of {package} {version} failed with code {code}: {output.Trim().TrimEnd('.')}.");
        }
        catch (Win32Exception fault)
        {
            throw Fault(
                $"'dotnet' was not found on the path ({fault.Message.Trim()}), and libtorch is downloaded with it.");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static (int Code, string Output) Restore(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["restore", "--nologo", "-v", "quiet", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }

    private static DeviceException Fault(string what) =>
        new($"{what} Or name the folder of a libtorch, 2.10 or later, by --libtorch or LORIKEET_LIBTORCH.");
}
