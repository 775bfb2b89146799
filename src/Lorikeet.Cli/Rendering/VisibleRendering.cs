using Lorikeet.Formats;
using Spectre.Console.Rendering;

namespace Lorikeet.Cli.Rendering;

/// <summary>
/// Shows what a terminal would obey in the text of tables and displays (<see cref="VisibleText"/>); the sequences that
/// the console itself makes pass.
/// </summary>
internal sealed class VisibleRendering : IRenderHook
{
    public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) =>
        renderables.Select(renderable => new Visible(renderable));

    /// <summary>The segments with their text made visible.</summary>
    public static IEnumerable<Segment> Show(IEnumerable<Segment> segments) => segments.Select(segment =>
        segment.IsControlCode || VisibleText.Of(segment.Text) is var text && text == segment.Text
            ? segment
            : new Segment(text, segment.Style));

    private sealed class Visible(IRenderable inner) : Renderable
    {
        protected override Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

        protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
            Show(inner.Render(options, maxWidth));
    }
}
