using Lorikeet.Documents.Reading;

namespace Lorikeet.Documents.Passages;

/// <summary>A slice of a document: some sentences, below one heading where they are enough.</summary>
public sealed class Passage
{
    internal Passage(
        string source, string text, int start, IReadOnlyList<string> headings, IReadOnlyList<Slice> sentences) =>
        (Source, Text, Start, Headings, Sentences) = (source, text, start, headings, sentences);

    /// <summary>The name of its document.</summary>
    public string Source { get; }

    /// <summary>Its text, a slice of <see cref="Document.Text"/>.</summary>
    public string Text { get; }

    /// <summary>Where it begins in <see cref="Document.Text"/>, in characters of a string.</summary>
    public int Start { get; }

    /// <summary>The headings above its beginning, the outermost first.</summary>
    public IReadOnlyList<string> Headings { get; }

    /// <summary>Its sentences, as slices of its text; headings are none.</summary>
    internal IReadOnlyList<Slice> Sentences { get; }

    /// <summary>Cuts a document: no sentence is divided, unless it alone is longer than a passage may be.</summary>
    /// <param name="document">The document.</param>
    /// <param name="options">How long passages are; null for the defaults.</param>
    public static IReadOnlyList<Passage> Cut(Document document, PassageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(document);
        return new PassageCutter(document, options ?? new PassageOptions()).Cut();
    }
}
