using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>An error as the program's last words: what is wrong in colour, what to do after it.</summary>
internal static class ErrorText
{
    public static void Write(IAnsiConsole console, string message)
    {
        var first = message.IndexOf(". ", StringComparison.Ordinal) + 1;
        var (wrong, remedy) = first > 0 ? (message[..first], message[first..]) : (message, "");
        console.Write(new Markup($"[red]error[/]  [bold]{wrong.EscapeMarkup()}[/]{remedy.EscapeMarkup()}"));
        console.WriteLine();
    }
}
