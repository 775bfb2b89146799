namespace Lorikeet.Formats;

/// <summary>Counts what reading one input takes, and ends it when that is more than the input can explain.</summary>
/// <param name="inputBytes">Size of the input; see <see cref="ReadingLimits.Bytes"/>.</param>
internal sealed class ByteBudget(long inputBytes)
{
    private readonly long _whole = ReadingLimits.Bytes(inputBytes);
    private long _used;

    /// <summary>Takes bytes; to be called before they are allocated.</summary>
    /// <exception cref="ReadingLimitException">There are not so many left.</exception>
    public void Take(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes > _whole - _used)
        {
            throw new ReadingLimitException(
                $"{inputBytes} bytes would take more than {_whole} bytes of memory, which is 64 MiB and four times " +
                "as many");
        }

        _used += bytes;
    }
}
