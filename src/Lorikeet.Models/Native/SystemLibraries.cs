using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Lorikeet.Models.Native;

/// <summary>Versions of the C and C++ runtime libraries of a Linux system, as loaded into this process.</summary>
internal static partial class SystemLibraries
{
    /// <summary>Version of glibc, such as 2.36; null where there is none (musl, Windows, macOS).</summary>
    public static string? GlibcVersion()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            return Marshal.PtrToStringUTF8(gnu_get_libc_version());
        }
        catch (Exception fault) when (fault is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Newest GLIBCXX symbol version of libstdc++, such as 3.4.30; null when it is not found.</summary>
    public static Version? LibStdCppVersion()
    {
        var path = LoadedLibrary("libstdc++.so");
        if (path is null)
            return null;
        return GlibCxx().Matches(Encoding.Latin1.GetString(File.ReadAllBytes(path)))
            .Select(match => Version.Parse(match.Groups[1].Value))
            .Max();
    }

    /// <summary>Path of a library that is mapped into this process; the .NET runtime itself maps libstdc++.</summary>
    private static string? LoadedLibrary(string name)
    {
        const string maps = "/proc/self/maps";
        if (!File.Exists(maps))
            return null;
        return File.ReadLines(maps)
            .Select(line => line.IndexOf('/', StringComparison.Ordinal) is var start and >= 0 ? line[start..] : "")
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(name, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"GLIBCXX_(\d+\.\d+(?:\.\d+)?)")]
    private static partial Regex GlibCxx();

    [DllImport("libc.so.6")]
    private static extern IntPtr gnu_get_libc_version();
}
