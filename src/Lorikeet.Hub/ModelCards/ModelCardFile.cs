using Lorikeet.Formats;

namespace Lorikeet.Hub.ModelCards;

/// <summary>The README.md that the hub shows as a repository's model card.</summary>
/// <remarks>Source: the hub's documentation, "Model Cards". PEFT, too, updates a card that is there.</remarks>
public static class ModelCardFile
{
    /// <summary>The file's name in a repository.</summary>
    public const string Name = "README.md";

    private const string Begin = "<!-- lorikeet: begin (this part is replaced when the card is written again) -->";
    private const string End = "<!-- lorikeet: end -->";

    /// <summary>
    /// Writes the card into a folder. Of a card that is there, what others wrote stays: keys of the head, tags, and all
    /// text but the part an earlier call wrote.
    /// </summary>
    /// <param name="card">Its content.</param>
    /// <param name="folder">The folder of the adapter or model.</param>
    /// <exception cref="CheckpointException">The head of the card that is there is not YAML.</exception>
    public static void Write(ModelCard card, string folder)
    {
        ArgumentNullException.ThrowIfNull(card);
        var path = Path.Combine(folder, Name);
        var existing = File.Exists(path) ? CardText.Read(path) : "";
        AtomicFile.WriteText(path, Render(card, existing ?? throw new CheckpointException(
            $"{path} is longer than any model card. Delete it to have a new one written.")));
    }

    /// <summary>The card's text, with what <paramref name="existing"/> says beside it.</summary>
    internal static string Render(ModelCard card, string existing)
    {
        var head = CardHead.Read(existing, out var body);
        head.Describe(card);
        return $"---\n{head.ToYaml()}---\n\n{Place(CardBody.Render(card), body.Trim())}\n";
    }

    private static string Place(string text, string body)
    {
        var part = $"{Begin}\n{text.Trim()}\n{End}";
        var start = body.IndexOf(Begin, StringComparison.Ordinal);
        var end = body.IndexOf(End, Math.Max(start, 0), StringComparison.Ordinal);
        if (start >= 0 && end >= 0)
            return body[..start] + part + body[(end + End.Length)..];
        return body.Length == 0 ? part : $"{body}\n\n{part}";
    }
}
