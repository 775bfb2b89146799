using System.Text;
using Lorikeet.Formats;

namespace Lorikeet.Cli.Rendering;

/// <summary>
/// Text on its way to a terminal: what the terminal would obey is shown instead (<see cref="VisibleText"/>).
/// </summary>
/// <param name="inner">Where it goes.</param>
internal sealed class VisibleWriter(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    /// <summary>The writer below, for the sequences that are ours.</summary>
    public TextWriter Inner => inner;

    // Half of a pair may be followed by the other half.
    public override void Write(char value) =>
        inner.Write(char.IsSurrogate(value) ? value : (char)VisibleText.Of(new Rune(value)).Value);

    public override void Write(string? value) => inner.Write(value is null ? null : VisibleText.Of(value));

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer) => inner.Write(VisibleText.Of(buffer.ToString()));

    public override void WriteLine() => inner.WriteLine();

    public override void WriteLine(string? value) => inner.WriteLine(value is null ? null : VisibleText.Of(value));

    public override void Flush() => inner.Flush();
}
