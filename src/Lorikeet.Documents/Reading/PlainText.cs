using System.Text;

namespace Lorikeet.Documents.Reading;

/// <summary>Text in UTF-8, or in UTF-16 with a byte order mark: paragraphs are divided by empty lines.</summary>
internal static class PlainText
{
    private static readonly UTF8Encoding s_strict =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static void Read(string path, BlockList blocks)
    {
        var paragraph = new StringBuilder();
        foreach (var line in Whole(path).Split('\n'))
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                paragraph.Append(line).Append('\n');
                continue;
            }

            blocks.Add(paragraph.ToString());
            paragraph.Clear();
        }

        blocks.Add(paragraph.ToString());
    }

    /// <summary>The text of a file.</summary>
    /// <exception cref="DatasetException">It is in another encoding.</exception>
    public static string Whole(string path)
    {
        try
        {
            using var reader = new StreamReader(path, s_strict, detectEncodingFromByteOrderMarks: true);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException fault)
        {
            throw new DatasetException(
                $"{path} is not in UTF-8. Save it as UTF-8 (of Vietnamese in TCVN3 or VNI, convert the letters too).",
                fault);
        }
    }
}
