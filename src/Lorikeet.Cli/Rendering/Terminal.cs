using System.Text;
using Lorikeet.Formats;
using Lorikeet.Models.Distributed;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>What the program reads and writes: results go to stdout, talk about them to stderr.</summary>
/// <remarks>
/// What a terminal would obey in other people's text is shown instead (<see cref="VisibleText"/>): in talk always, in
/// results only on a terminal, for a file or pipe receives what it was promised.
/// </remarks>
internal sealed class Terminal
{
    // Tables in a file or pipe need no narrower lines than this.
    private const int WidthOfFiles = 120;

    private readonly bool _isOutRedirected;

    private Terminal(
        TextReader input, bool isInputGiven, TextWriter output, bool isOutRedirected, TextWriter error,
        bool isErrorRedirected)
    {
        (Input, IsInputGiven, _isOutRedirected) = (input, isInputGiven, isOutRedirected);
        Out = isOutRedirected ? output : new VisibleWriter(output);
        Error = new VisibleWriter(error);
        Data = Open(output, isOutRedirected);
        Talk = Open(error, isErrorRedirected);
    }

    /// <summary>stdin.</summary>
    public TextReader Input { get; }

    /// <summary>Whether stdin is a file or a pipe, so that all of it can be read at once.</summary>
    public bool IsInputGiven { get; }

    /// <summary>stdout for text.</summary>
    public TextWriter Out { get; }

    /// <summary>stderr for text.</summary>
    public TextWriter Error { get; }

    /// <summary>stdout for tables.</summary>
    public IAnsiConsole Data { get; }

    /// <summary>stderr for what is shown while something goes on.</summary>
    public IAnsiConsole Talk { get; }

    /// <summary>Columns of text that fit on stdout, and are still easy to read.</summary>
    public int TextWidth
    {
        get
        {
            const int readable = 110;
            const int unusable = 60;
            return _isOutRedirected || Console.WindowWidth < unusable
                ? readable
                : Math.Min(Console.WindowWidth, readable);
        }
    }

    /// <summary>That of this process; in colour only on a terminal, and not when NO_COLOR is set.</summary>
    public static Terminal OfProcess()
    {
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        // Launchers of several ranks give each a terminal of its own, and mix what they say.
        var isRank = LaunchedRank.IsLaunched;
        return new Terminal(
            Console.In, Console.IsInputRedirected, Console.Out, isRank || Console.IsOutputRedirected, Console.Error,
            isRank || Console.IsErrorRedirected);
    }

    /// <summary>One of files or pipes.</summary>
    /// <param name="output">In place of stdout.</param>
    /// <param name="error">In place of stderr.</param>
    /// <param name="input">In place of stdin; null for none.</param>
    public static Terminal Of(TextWriter output, TextWriter error, TextReader? input = null) =>
        new(input ?? TextReader.Null, input is not null, output, isOutRedirected: true, error, isErrorRedirected: true);

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
