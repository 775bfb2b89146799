using Spectre.Console.Rendering;

namespace Lorikeet.Cli.Rendering;

/// <summary>A line that is never broken by us: what is copied from a terminal must not hold line breaks of ours.</summary>
internal sealed class Unbroken(string text) : Renderable
{
    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
        [new Segment(text), Segment.LineBreak];
}
