using Spectre.Console.Rendering;

namespace Lorikeet.Cli.Rendering;

/// <summary>
/// Lines that take the place of a live display, which is drawn anew below them. What the display had drawn there is
/// erased first; Spectre.Console writes over it, and longer lines would show through.
/// </summary>
internal sealed class Scrolled(IEnumerable<IRenderable> lines) : Renderable
{
    private const string EraseBelow = "\u001b[0J";
    private readonly IRenderable _rows = new Spectre.Console.Rows(lines);

    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
        [Segment.Control(EraseBelow), .. _rows.Render(options, maxWidth)];
}
