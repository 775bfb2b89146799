using Lorikeet.Formats;

namespace NanoBase;

/// <summary>Text files with one item a line, ending in a line feed on every system.</summary>
internal static class TextLines
{
    public static void Write(string file, IEnumerable<string> lines) => AtomicFile.Write(file, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        foreach (var line in lines)
            writer.WriteLine(line);
    });
}
