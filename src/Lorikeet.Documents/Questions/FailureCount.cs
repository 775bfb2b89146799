namespace Lorikeet.Documents.Questions;

/// <summary>Counts passages without an answer, and ends a run in which nothing is answered any more.</summary>
/// <param name="most">How many may follow one another.</param>
/// <param name="journal">Where what was answered stands.</param>
internal sealed class FailureCount(int most, string journal)
{
    private readonly Lock _lock = new();
    private int _inARow;

    public int Count { get; private set; }

    public string? Last { get; private set; }

    public void Succeed()
    {
        lock (_lock)
            _inARow = 0;
    }

    /// <exception cref="LorikeetException">It was one too many.</exception>
    public void Fail(WriterException fault)
    {
        lock (_lock)
        {
            (Count, Last) = (Count + 1, fault.Message);
            if (++_inARow < most)
                return;
        }

        throw new LorikeetException(
            $"{most} passages in a row got no answer; the last: {fault.Message} What was answered before is kept in " +
            $"{journal}: once the writer answers, the same command goes on from there.", fault);
    }
}
