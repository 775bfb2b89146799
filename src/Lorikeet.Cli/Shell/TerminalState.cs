using System.Runtime.InteropServices;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// The terminal as the program found it, for a program that leaves without the runtime's own clearing up.
/// </summary>
internal sealed unsafe partial class TerminalState
{
    private const int Input = 0;
    private const int Now = 0; // TCSANOW
    private const int Bytes = 256; // struct termios has 60 bytes on Linux and 72 on macOS

    private readonly byte[]? _settings;

    private TerminalState(byte[]? settings) => _settings = settings;

    /// <summary>Remembers it; without a terminal there is nothing to remember.</summary>
    public static TerminalState Remember()
    {
        if (OperatingSystem.IsWindows() || Console.IsInputRedirected)
            return new TerminalState(null);
        var settings = new byte[Bytes];
        fixed (byte* place = settings)
            return new TerminalState(GetAttributes(Input, place) == 0 ? settings : null);
    }

    /// <summary>Restores echo and line editing, and shows the cursor that a live display hides.</summary>
    public void Restore()
    {
        if (!Console.IsErrorRedirected)
            Console.Error.Write("\u001b[?25h");
        if (_settings is null)
            return;
        fixed (byte* place = _settings)
            _ = SetAttributes(Input, Now, place);
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int descriptor, byte* settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetAttributes(int descriptor, int when, byte* settings);
}
