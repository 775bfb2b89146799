namespace Lorikeet.Documents.Reading;

/// <summary>Takes the blocks of one document, as long as it keeps within its bounds.</summary>
/// <param name="path">Its file, for errors.</param>
/// <param name="maxCharacters">Characters of text that it may have.</param>
/// <param name="cancellation">Ends the reading when its time is over.</param>
internal sealed class BlockList(string path, int maxCharacters, CancellationToken cancellation)
{
    private readonly List<DocumentBlock> _blocks = [];
    private long _characters;

    /// <summary>What was taken.</summary>
    public IReadOnlyList<DocumentBlock> Blocks => _blocks;

    /// <summary>Its file, for errors.</summary>
    public string Path => path;

    /// <summary>Adds a block.</summary>
    public void Add(string text, int level = 0)
    {
        Require(text.Length);
        if (!string.IsNullOrWhiteSpace(text))
            _blocks.Add(new DocumentBlock(text, level));
    }

    /// <summary>Counts characters that are about to be held, and looks at the clock.</summary>
    public void Require(long more = 0)
    {
        cancellation.ThrowIfCancellationRequested();
        _characters += more;
        if (_characters > maxCharacters)
        {
            throw new DatasetException(
                $"{path} has more than {maxCharacters:N0} characters of text. Divide it into smaller documents.");
        }
    }
}
