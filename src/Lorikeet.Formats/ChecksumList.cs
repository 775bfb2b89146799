using System.Text;

namespace Lorikeet.Formats;

/// <summary>
/// The checksums of the files of a folder, in a file beside them that <c>xxh128sum --check</c> reads: a line a file,
/// digits, two blanks, name. Formats of others stay as they are.
/// </summary>
public static class ChecksumList
{
    /// <summary>The name of the list.</summary>
    public const string FileName = "checksums." + Checksum.Name;

    private const string Separator = "  ";

    /// <summary>Lists every file that the folder holds.</summary>
    public static void Write(string folder)
    {
        var lines = Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal)
            .Select(name => $"{Checksum.OfFile(Path.Combine(folder, name))}{Separator}{name}\n");
        File.WriteAllText(Path.Combine(folder, FileName), string.Concat(lines));
    }

    /// <summary>
    /// What is wrong with a folder: the list is missing or damaged, a listed file is missing or differs, or one of
    /// those that are about to be read is not listed. Null when all is well; files of other names may be there.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="read">Names of the files that will be read if they are there.</param>
    public static string? Damage(string folder, params IReadOnlyList<string> read)
    {
        try
        {
            return Examine(folder, read);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return $"'{folder}' cannot be read: {fault.Message}";
        }
    }

    private static string? Examine(string folder, IReadOnlyList<string> read)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return $"'{path}' is missing";
        if (TryParse(WholeFile.ReadBytes(path)) is not { } listed)
            return $"'{path}' is damaged";
        foreach (var (name, digits) in listed)
        {
            var file = Path.Combine(folder, name);
            if (!File.Exists(file))
                return $"'{file}', which {FileName} lists, is missing";
            if (Checksum.OfFile(file) != digits)
                return $"'{file}' is damaged: its checksum is not the one in {FileName}";
        }

        return read.FirstOrDefault(name => !listed.ContainsKey(name)
            && File.Exists(Path.Combine(folder, name))) is { } unlisted
            ? $"'{path}' is damaged: it does not list '{unlisted}'"
            : null;
    }

    private static Dictionary<string, string>? TryParse(byte[] bytes)
    {
        var lines = Encoding.UTF8.GetString(bytes).Split('\n');
        if (lines[^1].Length > 0)
            return null;
        var listed = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines.SkipLast(1))
        {
            if (line.Length <= Checksum.Length + Separator.Length
                || line.Substring(Checksum.Length, Separator.Length) != Separator)
                return null;
            var name = line[(Checksum.Length + Separator.Length)..];
            if (Path.GetFileName(name) != name || !listed.TryAdd(name, line[..Checksum.Length]))
                return null;
        }

        return listed;
    }
}
