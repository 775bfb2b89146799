using Lorikeet.Documents.Reading;
using Lorikeet.Formats;

namespace Lorikeet.Documents.Questions;

/// <summary>The documents below a folder.</summary>
internal static class DocumentFolder
{
    /// <summary>Paths and names, in the same order on every machine.</summary>
    /// <exception cref="ConfigurationException">There are none.</exception>
    public static IReadOnlyList<(string Path, string Name)> Find(string from)
    {
        if (File.Exists(from))
            return [(from, Path.GetFileName(from))];
        if (!Directory.Exists(from))
        {
            throw new ConfigurationException(
                $"'from' is '{from}', where nothing is. Name a folder of documents, or one.");
        }

        try
        {
            // Links may lead round in circles.
            var found = Directory.EnumerateFiles(from, "*", new EnumerationOptions
            {
                RecurseSubdirectories = true,
                AttributesToSkip = FileAttributes.Hidden | FileAttributes.System | FileAttributes.ReparsePoint,
                IgnoreInaccessible = true,
            }).Where(path => Document.Endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
                .Select(path => (path, Path.GetRelativePath(from, path).Replace(Path.DirectorySeparatorChar, '/')))
                .OrderBy(source => source.Item2, StringComparer.Ordinal).ToList();
            return found.Count > 0 ? found : throw new ConfigurationException(
                $"'from' is '{from}', where no document lies that can be read: {string.Join(", ", Document.Endings)}.");
        }
        catch (Exception fault) when (StorageFault.Covers(fault))
        {
            throw StorageFault.Of(fault);
        }
    }
}
