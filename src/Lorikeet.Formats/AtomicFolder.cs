namespace Lorikeet.Formats;

/// <summary>
/// Writes a folder of files that belong together: they are made in a hidden folder beside the target, which takes its
/// name by one rename when all of them are complete.
/// </summary>
public static class AtomicFolder
{
    /// <summary>Writes a folder; an existing one is replaced.</summary>
    /// <param name="path">The folder to write.</param>
    /// <param name="write">
    /// Fills the folder it is given. When it throws, or the process dies, <paramref name="path"/> is as it was.
    /// </param>
    /// <exception cref="StorageException">The folder cannot be written; it is as it was.</exception>
    /// <remarks>
    /// Replacing takes two renames. A process that dies between them leaves both folders under hidden names, and the
    /// next one that writes beside them finishes the replacement. Names that are new, such as those of checkpoints,
    /// take one.
    /// </remarks>
    public static void Write(string path, Action<string> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        TryWrite(path, folder =>
        {
            write(folder);
            return true;
        });
    }

    /// <summary>
    /// The same with a last look: when <paramref name="write"/> returns false, nothing is kept of it.
    /// </summary>
    /// <param name="path">The folder to write.</param>
    /// <param name="write">Fills the folder it is given, and says whether it is to be kept.</param>
    /// <returns>Whether it was kept.</returns>
    /// <exception cref="StorageException">The folder cannot be written; it is as it was.</exception>
    public static bool TryWrite(string path, Func<string, bool> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var place = StorageFault.Writing(path, () => TemporaryPlace.ForFolder(path));
        try
        {
            if (!write(place.Location))
                return false;
        }
        catch (IOException fault) when (StorageFault.IsOfWriting(fault))
        {
            place.Dispose(); // so that what it took counts as free
            throw StorageFault.OfWriting(path, fault);
        }

        StorageFault.Writing(path, () =>
        {
            place.TakeName();
            return place;
        });
        return true;
    }

    /// <summary>Removes a folder, if it is there, so that it is whole or gone however the process ends.</summary>
    /// <exception cref="StorageException">It cannot be removed.</exception>
    public static void Delete(string path)
    {
        if (!Directory.Exists(path))
            return;
        StorageFault.Writing(path, () =>
        {
            using var place = TemporaryPlace.ForRemoval(path);
        });
    }
}
