using System.Text;

namespace Lorikeet.Data.Reading;

/// <summary>Recognizes from its first bytes that a file is something else than its name says.</summary>
internal static class FileKind
{
    /// <summary>How many of the first bytes are looked at.</summary>
    public const int BytesTried = 2048;

    private const string Unpack = "Unpack it and name the file inside.";

    /// <summary>Beginnings of files that hold no rows as they are.</summary>
    private static readonly (byte[] Start, string What, string Advice)[] s_foreign =
    [
        ([0x1F, 0x8B], "gzip", "Add .gz to its name."),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstd", "Unpack it with zstd -d."),
        ([.. "BZh"u8], "bzip2", "Unpack it with bunzip2."),
        ([0xFD, .. "7zXZ"u8], "xz", "Unpack it with unxz."),
        ([.. "7z"u8, 0xBC, 0xAF], "a 7z archive", Unpack),
        ([.. "Rar!"u8], "a rar archive", Unpack),
        ([0xD0, 0xCF, 0x11, 0xE0], "an Excel workbook (.xls)", "Save it as CSV UTF-8, and name that file."),
        ([.. "ARROW1"u8], "an Arrow file", "Write the dataset with to_parquet or to_json instead."),
        ([.. "SQLite format 3"u8], "an SQLite database", "Export the table as csv."),
        ([.. "%PDF"u8], "a PDF document", "Rows of text were expected; write them as jsonl or csv."),
        ([0x80, 0x04, 0x95], "a Python pickle", "Write the rows as jsonl."),
    ];

    /// <summary>What a file is, and what to do about it; null when it may be what its name says.</summary>
    /// <param name="head">The first bytes of its content, at most <see cref="BytesTried"/>.</param>
    /// <param name="format">Extension of the content.</param>
    public static (string What, string Advice)? FindForeign(ReadOnlySpan<byte> head, string format)
    {
        if (head.StartsWith("version https://git-lfs"u8))
            return ("a Git LFS pointer in the file's place", "Fetch the file itself with 'git lfs pull'.");
        foreach (var (start, what, advice) in s_foreign)
            if (head.StartsWith(start))
                return (what, advice);
        if (head.StartsWith("PK\x3\x4"u8))
        {
            return head.IndexOf("[Content_Types].xml"u8) >= 0 || head.IndexOf("xl/"u8) >= 0
                ? ("an Excel workbook (.xlsx)", "Save it as CSV UTF-8, and name that file.")
                : ("a zip archive", Unpack);
        }

        if (head.Length > 262 && head[257..].StartsWith("ustar"u8))
            return ("a tar archive", Unpack);
        if (format != ".parquet" && head.StartsWith("PAR1"u8))
            return ("a parquet file", "Give it the ending .parquet.");
        if (format != ".txt" && IsWebPage(head))
            return ("a web page (HTML)",
                "Download the file itself; the hub's pages have /blob/ where its files have /resolve/.");
        return format == ".parquet" ? null : FindForeignText(head, format);
    }

    /// <summary>What to do about a file whose ending is not read.</summary>
    public static string AdviceOn(string ending) => ending switch
    {
        ".zst" => "Unpack it with zstd -d.",
        ".bz2" => "Unpack it with bunzip2.",
        ".xz" => "Unpack it with unxz.",
        ".zip" or ".7z" or ".rar" or ".tar" or ".tgz" => Unpack,
        ".xlsx" or ".xls" or ".ods" => "Save it as CSV UTF-8, and name that file.",
        ".arrow" or ".feather" => "Write the dataset with to_parquet or to_json instead.",
        _ => "Convert it, or correct its name.",
    };

    private static (string What, string Advice)? FindForeignText(ReadOnlySpan<byte> head, string format)
    {
        var hasMark = head.StartsWith((byte[])[0xFF, 0xFE]) || head.StartsWith((byte[])[0xFE, 0xFF])
            || head.StartsWith((byte[])[0, 0, 0xFE, 0xFF]);
        if (!hasMark && head.Contains((byte)0))
        {
            return head.Length > 3 && (head[0] == 0) != (head[1] == 0) && (head[2] == 0) == (head[0] == 0)
                ? ("text in UTF-16 without a byte order mark",
                    $"Convert it: iconv -f UTF-16{(head[0] == 0 ? "BE" : "LE")} -t UTF-8.")
                : ("no text: it has bytes of 0", "Rows of text were expected; was another file given this name?");
        }

        var text = WithoutMark(head).TrimStart(" \t\r\n"u8);
        if (format is ".csv" or ".tsv" && (text.StartsWith("{\""u8) || text.StartsWith("[{"u8)))
            return ("JSON", "Give it the ending .jsonl (an object a line) or .json.");
        return null;
    }

    private static bool IsWebPage(ReadOnlySpan<byte> head)
    {
        var text = Encoding.Latin1.GetString(WithoutMark(head).TrimStart(" \t\r\n"u8));
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase);
    }

    private static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> head) =>
        head.StartsWith("\uFEFF"u8) ? head["\uFEFF"u8.Length..] : head;
}
