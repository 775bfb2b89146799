namespace Lorikeet.Cli.Rendering;

/// <summary>A bar of text.</summary>
internal static class ProgressBar
{
    /// <summary>The bar as Spectre markup.</summary>
    /// <param name="share">What is done, from 0 to 1.</param>
    /// <param name="width">Characters in all.</param>
    /// <param name="unicode">Whether the terminal shows line-drawing characters.</param>
    public static string Markup(double share, int width, bool unicode)
    {
        var done = (int)Math.Round(Math.Clamp(share, 0, 1) * width);
        var (full, rest) = unicode ? ('━', '─') : ('=', '-');
        return $"[green]{new string(full, done)}[/][dim]{new string(rest, width - done)}[/]";
    }
}
