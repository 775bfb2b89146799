using Spectre.Console.Rendering;

namespace Lorikeet.Cli.Rendering;

/// <summary>A line left unbroken, so that what is copied from a terminal holds no line break of ours.</summary>
internal sealed class Unbroken(string text) : Renderable
{
    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
        [new Segment(text), Segment.LineBreak];
}
