using Lorikeet.Formats;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>An error as the program's last words: what is wrong stands out, what to do follows.</summary>
internal static class ErrorText
{
    /// <summary>
    /// Writes the message without what must not be seen (<see cref="Secrets"/>); outside a terminal as it is, so that
    /// nothing searches for it in vain.
    /// </summary>
    public static void Write(IAnsiConsole console, string message)
    {
        message = VisibleText.Of(Secrets.Hide(message));
        if (!console.Profile.Capabilities.Interactive)
        {
            console.Profile.Out.Writer.WriteLine(message);
            return;
        }

        var first = message.IndexOf(". ", StringComparison.Ordinal) + 1;
        var (wrong, remedy) = first > 0 ? (message[..first], message[first..]) : (message, "");
        console.Write(new Markup($"[red]error[/]  [bold]{wrong.EscapeMarkup()}[/]{remedy.EscapeMarkup()}"));
        console.WriteLine();
    }
}
