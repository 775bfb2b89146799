using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native;

/// <summary>The environment that native libraries read; .NET's own setter does not reach it on Linux.</summary>
internal static class NativeEnvironment
{
    /// <summary>
    /// Sets a variable unless the user has. Libraries read theirs when they are loaded, so call it before.
    /// </summary>
    public static void SetUnlessSet(string name, string value)
    {
        if (OperatingSystem.IsWindows())
            return;
        _ = setenv(name, value, 0);
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int setenv(string name, string value, int overwrite);
}
