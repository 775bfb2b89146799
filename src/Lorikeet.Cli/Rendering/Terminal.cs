using System.Text;
using Lorikeet.Formats;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>The two outputs of the program: results go to stdout, talk about them to stderr.</summary>
/// <param name="Data">stdout.</param>
/// <param name="Talk">stderr.</param>
internal sealed record Terminal(IAnsiConsole Data, IAnsiConsole Talk)
{
    // Tables in a file or pipe need no narrower lines than this.
    private const int WidthOfFiles = 120;

    private static readonly Lock s_gate = new();
    private static TextWriter? s_out;
    private static TextWriter? s_error;

    /// <summary>
    /// Makes all that is written to this process's outputs visible (<see cref="VisibleText"/>): talk always, data only
    /// on a terminal, for a file or pipe receives what it was promised. Repeated calls change nothing.
    /// </summary>
    public static void ShowControls()
    {
        lock (s_gate)
        {
            if (s_error is not null)
                return;
            (s_out, s_error) = (Console.Out, Console.Error);
            Console.SetError(new VisibleWriter(s_error));
            if (!Console.IsOutputRedirected)
                Console.SetOut(new VisibleWriter(s_out));
        }
    }

    /// <summary>The outputs of this process; in colour only on a terminal, and not when NO_COLOR is set.</summary>
    public static Terminal OfProcess()
    {
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        return new Terminal(
            Open(s_out ?? Console.Out, Console.IsOutputRedirected),
            Open(s_error ?? Console.Error, Console.IsErrorRedirected));
    }

    // Detection looks at stdout alone; a terminal on stderr is one even while stdout goes to a file.
    private static IAnsiConsole Open(TextWriter writer, bool redirected)
    {
        var plain = redirected || Environment.GetEnvironmentVariable("TERM") == "dumb";
        var colourless = plain || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = plain ? AnsiSupport.No : OperatingSystem.IsWindows() ? AnsiSupport.Detect : AnsiSupport.Yes,
            ColorSystem = colourless ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = plain ? InteractionSupport.No : InteractionSupport.Yes,
        });
        console.Pipeline.Attach(new VisibleRendering());
        if (redirected)
            console.Profile.Width = WidthOfFiles;
        return console;
    }
}
