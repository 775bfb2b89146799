using System.Text;

namespace Lorikeet.Formats.Safetensors;

/// <summary>
/// The checksum of a file within it: the pair <c>xxh128</c> of its metadata is that of the whole file with zeros in the
/// place of its own digits. Files of other programs have none, and lose it when such a program writes them anew.
/// </summary>
internal static class SafetensorsChecksum
{
    /// <summary>What stands for the digits until they are known.</summary>
    public static string Placeholder { get; } = new('0', Checksum.Length);

    /// <summary>
    /// Where the digits begin in the first bytes of a file; -1 where this program did not write them.
    /// </summary>
    public static int Place(ReadOnlySpan<byte> header)
    {
        // Within a text of JSON the quotes would have a backslash before them.
        var key = Encoding.ASCII.GetBytes($"\"{Checksum.Name}\":\"");
        var found = header.IndexOf(key);
        var start = found + key.Length;
        return found >= 0 && header.Length > start + Checksum.Length && header[start + Checksum.Length] == '"'
            ? start
            : -1;
    }

    /// <summary>Refuses a file whose checksum is not that of its bytes; one without is taken as it is.</summary>
    /// <param name="path">The file.</param>
    /// <param name="headerLength">Bytes before its first tensor.</param>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public static void Require(string path, int headerLength)
    {
        using var file = File.OpenRead(path);
        var header = new byte[headerLength];
        file.ReadExactly(header);
        var place = Place(header);
        if (place < 0)
            return;
        var digits = header.AsSpan(place, Checksum.Length);
        var expected = Encoding.ASCII.GetString(digits);
        digits.Fill((byte)'0');
        var actual = Checksum.Of(header, file);
        if (actual == expected)
            return;
        throw new CheckpointException(
            $"'{path}' is damaged: its checksum is {actual}, and '{Checksum.Name}' in its metadata says {expected}. "
            + $"Copy or download it again. If a program changed it on purpose, remove '{Checksum.Name}' from its "
            + "metadata.");
    }
}
