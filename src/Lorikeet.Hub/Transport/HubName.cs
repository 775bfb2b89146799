using System.Text;

namespace Lorikeet.Hub.Transport;

/// <summary>
/// Which texts may become names of files and folders in the cache. Servers choose commits, tags and paths, users and
/// their files choose revisions: none may lead out of the folder it belongs to, or mean something to a file system.
/// </summary>
internal static class HubName
{
    private const int CommitLength = 40;
    private const int LongestTag = 128;
    private const int LongestPart = 255;
    private const int LongestPath = 1024;

    /// <summary>Whether text is a commit's hash.</summary>
    public static bool IsCommit(string? text) =>
        text is { Length: CommitLength } && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Whether text can name a content (an ETag).</summary>
    public static bool IsTag(string? text) =>
        text is { Length: > 0 and <= LongestTag } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
        && !IsDevice(text);

    /// <summary>Whether text is the path of a file in a repository, with <c>/</c>.</summary>
    public static bool IsPath(string? text) => IsPath(text, OperatingSystem.IsWindows());

    /// <summary>Whether text can be a branch, tag or commit.</summary>
    public static bool IsRevision(string? text) => IsPath(text) && !text!.Contains("..");

    internal static bool IsPath(string? text, bool onWindows) =>
        text is { Length: > 0 and <= LongestPath } && text.Split('/').All(part => IsPart(part, onWindows));

    private static bool IsPart(string part, bool onWindows)
    {
        if (part is "" or "." or ".." || Encoding.UTF8.GetByteCount(part) > LongestPart)
            return false;
        if (part.EnumerateRunes()
            .Any(rune => rune == Rune.ReplacementChar || Rune.IsControl(rune) || rune.Value == '\\'))
            return false;
        return !onWindows || (part[^1] is not ('.' or ' ') && part.IndexOfAny([.. "<>:\"|?*"]) < 0 && !IsDevice(part));
    }

    /// <summary>Whether Windows takes a name for a device, whatever its ending.</summary>
    private static bool IsDevice(string name)
    {
        var stem = name.Split('.')[0].TrimEnd().ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL" or "CONIN$" or "CONOUT$"
            || (stem.Length == 4 && (stem.StartsWith("COM", StringComparison.Ordinal)
                || stem.StartsWith("LPT", StringComparison.Ordinal)) && "0123456789¹²³".Contains(stem[3]));
    }
}
