namespace Lorikeet.Formats;

/// <summary>What git leaves in the place of a large file that was not fetched: three lines of text.</summary>
internal static class GitLfs
{
    /// <summary>What to do about one.</summary>
    public const string Advice = "Fetch the file itself, with 'git lfs pull' or by naming the model's id on the hub.";

    private static ReadOnlySpan<byte> FirstLine => "version https://git-lfs"u8;

    /// <summary>Whether a file that begins so is a pointer.</summary>
    public static bool IsPointer(ReadOnlySpan<byte> start) => start.StartsWith(FirstLine);

    /// <summary>Refuses a pointer.</summary>
    /// <param name="start">The first bytes of the file.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="CheckpointException">It is one.</exception>
    public static void RefusePointer(ReadOnlySpan<byte> start, string path)
    {
        if (IsPointer(start))
            throw new CheckpointException(
                $"'{path}' is a Git LFS pointer, which only names the file that belongs there. {Advice}");
    }
}
