namespace Lorikeet.Text.Tokenization.PreTokenizers;

/// <summary>What becomes of the matches that a text is split at. The examples split "the-final--countdown".</summary>
internal enum SplitBehavior
{
    /// <summary>They are dropped: the, final, countdown.</summary>
    Removed,

    /// <summary>Each is a piece: the, -, final, -, -, countdown.</summary>
    Isolated,

    /// <summary>Each ends the piece before it: the-, final-, -, countdown.</summary>
    MergedWithPrevious,

    /// <summary>Each begins the piece after it: the, -final, -, -countdown.</summary>
    MergedWithNext,

    /// <summary>Neighbours are one piece: the, -, final, --, countdown.</summary>
    Contiguous,
}
