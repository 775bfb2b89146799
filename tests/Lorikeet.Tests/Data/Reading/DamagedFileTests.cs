using System.IO.Compression;
using System.Text;
using CsCheck;
using Lorikeet.Data.Reading;

namespace Lorikeet.Tests.Data.Reading;

/// <summary>Files that are broken, or are something else than their name says.</summary>
public sealed class DamagedFileTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData("a.jsonl.gz", "{\"text\":\"one\"}\n{\"text\":\"two\"}\n")]
    [InlineData("a.json.gz", "[{\"text\":\"one\"},{\"text\":\"two\"}]")]
    [InlineData("a.csv.gz", "text\n\"one\"\n\"two\"\n")]
    [InlineData("a.txt.gz", "one\ntwo\n")]
    public void GzipThatIsCut_IsRefusedWhereverItIsCut(string name, string content)
    {
        var path = _data.Write(name, content);
        var whole = File.ReadAllBytes(path);
        byte[] twice = [.. whole, .. whole];
        foreach (var bytes in (byte[][])[whole, twice])
        {
            // A cut between two members leaves a whole file; and no bytes are no rows.
            for (var length = 1; length < bytes.Length; length++)
            {
                if (length == whole.Length)
                    continue;
                File.WriteAllBytes(path, bytes[..length]);
                var fault = Assert.Throws<DatasetException>(() => DataFixture.Rows(path));
                Assert.Contains("cannot be decompressed", fault.Message);
            }
        }
    }

    [Fact]
    public void GzipOfSeveralMembers_IsReadToItsEnd()
    {
        var member = File.ReadAllBytes(_data.Write("a.jsonl.gz", "{\"text\":\"one\"}\n"));
        var path = Path.Combine(_data.Folder, "b.jsonl.gz");
        File.WriteAllBytes(path, [.. member, .. member, .. member]);
        Assert.Equal(3, DataFixture.Rows(path).Length);
    }

    [Fact]
    public void GzipWithAWrongChecksum_IsRefused()
    {
        var path = _data.Write("a.jsonl.gz", "{\"text\":\"one\"}\n");
        var bytes = File.ReadAllBytes(path);
        bytes[^6] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("cannot be decompressed", Refusal(path));
    }

    [Fact]
    public void AnyContent_ComesBackFromGzip() =>
        Gen.Byte.Array[0, 5000].Array[1, 4].Sample(members =>
        {
            using var file = new MemoryStream();
            foreach (var member in members)
                using (var stream = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true))
                    stream.Write(member);
            if (file.Length == 0)
                return;
            file.Position = 0;
            using var content = new MemoryStream();
            using var gzip = new WholeGzip(file);
            gzip.CopyTo(content);
            Assert.Equal(members.SelectMany(member => member), content.ToArray());
        }, iter: 200);

    [Theory]
    [InlineData("a.jsonl.gz", "{\"text\":\"", "a.jsonl.gz:1")]
    [InlineData("a.json.gz", "[{\"text\":\"", "a.json.gz:1")]
    [InlineData("a.csv.gz", "text\n\"", "a.csv.gz:1")]
    [InlineData("a.txt.gz", "", "a.txt.gz:1")]
    public void RowOfMoreThanMemoryMayTake_IsRefusedNotHeld(string name, string start, string place)
    {
        var path = Path.Combine(_data.Folder, name);
        using (var stream = new GZipStream(File.Create(path), CompressionLevel.Fastest))
        {
            stream.Write(Encoding.UTF8.GetBytes(start));
            var block = new byte[1 << 20];
            block.AsSpan().Fill((byte)'a');
            for (var i = 0; i < 40; i++)
                stream.Write(block);
        }

        var message = Refusal(path);
        Assert.Contains(place, message);
        Assert.Contains("more than a row of a file of this size may have", message);
    }

    [Fact]
    public void ManyRows_AreNotOneLongRow()
    {
        using var text = new RowText(
            new StringReader(string.Concat(Enumerable.Repeat("0123456789\r\n", 1000))), "a.txt", 20);
        for (var i = 0; i < 1000; i++)
            Assert.Equal("0123456789", text.ReadLine());
        Assert.Null(text.ReadLine());
    }

    [Fact]
    public void Lines_AreWhatStringReaderReads() =>
        Gen.Char["ab\r\n"].Array[0, 40].Select(characters => new string(characters)).Sample(content =>
        {
            using var expected = new StringReader(content);
            using var text = new RowText(new StringReader(content), "a.txt", 1000);
            while (expected.ReadLine() is { } line)
                Assert.Equal(line, text.ReadLine());
            Assert.Null(text.ReadLine());
        });

    [Theory]
    [InlineData(
        "a.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "is a Git LFS pointer")]
    [InlineData("a.parquet", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git lfs pull")]
    [InlineData("a.csv", "PK\u0003\u0004....[Content_Types].xml", "is an Excel workbook (.xlsx)")]
    [InlineData("a.json", "PK\u0003\u0004....a.json", "is a zip archive")]
    [InlineData("a.json", "<!DOCTYPE html>\n<html>", "is a web page (HTML)")]
    [InlineData("a.csv", "\uFEFF  <html lang=en>", "is a web page (HTML)")]
    [InlineData("a.jsonl", "PAR1\u0015\u0004", "is a parquet file")]
    [InlineData("a.csv", "{\"question\":\"q\"}\n", "is JSON, where csv was expected")]
    [InlineData("a.tsv", "[{\"question\":\"q\"}]", "Give it the ending .jsonl")]
    [InlineData("a.jsonl", "{\0\"\0a\0\"\0:\01\0}\0", "is text in UTF-16 without a byte order mark")]
    [InlineData("a.txt", "\0h\0e\0l\0l\0o", "iconv -f UTF-16BE")]
    [InlineData("a.txt", "hello\0\0\0\0", "is no text")]
    [InlineData("a.jsonl", "BZh91AY", "is bzip2")]
    [InlineData("a.csv", "%PDF-1.7", "is a PDF document")]
    public void FileOfAnotherKind_IsNamedAsWhatItIs(string name, string content, string message) =>
        Assert.Contains(message, Refusal(_data.Write(name, content)));

    [Fact]
    public void GzipWithoutItsEnding_IsNamed()
    {
        var path = Path.Combine(_data.Folder, "a.jsonl");
        File.Move(_data.Write("a.jsonl.gz", "{\"text\":\"one\"}"), path);
        Assert.Contains("is gzip, where JSON was expected. Add .gz to its name.", Refusal(path));
    }

    [Theory]
    [InlineData(
        "a.jsonl", "{\"text\":\"a\"}\n{\"text\":\"Hi \\ud83d there\"}\n",
        "a.jsonl:2: half of a surrogate pair (\\ud83d)")]
    [InlineData("a.jsonl", "{\"text\":\"Hi \\uDC00\"}\n", "a.jsonl:1: half of a surrogate pair (\\uDC00)")]
    [InlineData("a.jsonl", "{\"\\ud800\":\"x\",\"text\":\"y\"}\n", "a.jsonl:1: half")]
    [InlineData("a.jsonl", "{\"a\":1,\"a\":2,\"\\ud800\":\"x\"}\n", "a.jsonl:1: ")]
    [InlineData("a.jsonl", "{\"\\ud800\":\"x\",\"a\":1,\"a\":2}\n", "a.jsonl:1: ")]
    [InlineData("a.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"\\ud83d\"}]}\n", "a.jsonl:1: half")]
    [InlineData("a.json", "[{\"a\":\"b\"},\n{\"\\ud800\":\"x\"}]", "a.json:2: half of a surrogate pair")]
    [InlineData("a.json", "[{\"a\":\n\"\\ud83d\\\\ude00\"}]", "a.json:2: half of a surrogate pair")]
    public void HalfOfASurrogatePair_IsNamedWithItsLine(string name, string content, string message) =>
        Assert.Contains(message, Refusal(_data.Write(name, content)));

    [Fact]
    public void WholeSurrogatePairsAndEscapedEscapes_AreRead()
    {
        var path = _data.Write("a.jsonl", "{\"text\":\"\\ud83d\\ude00 \\\\ud83d\"}\n");
        Assert.Equal("😀 \\ud83d", (string?)Assert.Single(DatasetReader.Read(path, ["train"])).Values["text"]);
    }

    [Theory]
    [InlineData("a.json", "[{\"a\":1},\n{\"a\":2},\n]", "a.json:2: a comma before ']'. Remove it.")]
    [InlineData("a.json", "[{\"a\":[1,]}]", "a.json:1: a comma before ']'")]
    [InlineData("a.jsonl", "{\"a\":1,}\n", "a.jsonl:1: a comma before '}'")]
    [InlineData("a.jsonl", "{\"a\":1}\n{'a':1}\n", "a.jsonl:2: a single quote")]
    [InlineData("a.jsonl", "{\"a\":None}\n", "a.jsonl:1: the word 'None' is no JSON")]
    [InlineData("a.jsonl", "{\"a\":1}\n{\"a\":2", "a.jsonl:2: the text ends in the middle")]
    [InlineData("a.json", "[{\"a\":1},\n{\"a\":2", "a.json:2: the text ends in the middle")]
    [InlineData("a.json", "[{\"a\":1}\n{\"a\":2}]", "a.json:2 is not JSON")]
    [InlineData("a.csv", "a,b\n1,2\n3,\"4\n5,6\n", "a.csv:3 begins a row with a quote that is never closed")]
    public void BrokenText_IsExplainedWhereItIs(string name, string content, string message) =>
        Assert.Contains(message, Refusal(_data.Write(name, content)));

    [Fact]
    public void ByteThatIsNotUtf8_IsNamedWithItsLine()
    {
        var path = Path.Combine(_data.Folder, "a.csv");
        File.WriteAllBytes(
            path,
            [.. "text\none\n"u8, .. Encoding.UTF8.GetBytes(new string('é', 70_000)), .. "\ncaf"u8, 0xE9, .. "\n"u8]);
        Assert.Contains("a.csv:4 holds the byte 0xE9, which is not UTF-8", Refusal(path));
    }

    [Theory]
    [InlineData("\uFEFF{\"a\":1}\n\uFEFF{\"a\":2}\n")]
    [InlineData("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n")]
    [InlineData("{\"a\":1}\r\n\r\n{\"a\":2}\r\n")]
    public void JsonLinesWithMarksBreaksOrReturns_AreRead(string content) =>
        Assert.Equal(["{\"a\":1}", "{\"a\":2}"], DataFixture.Rows(_data.Write("a.jsonl", content)));

    [Fact]
    public void SeparatorsAtTheEndsOfLines_NameNoColumns() =>
        Assert.Equal(
            ["{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"3\",\"b\":\"\"}"],
            DataFixture.Rows(_data.Write("a.csv", "a,b,,\n1,2,,\n3,,,\n")));

    [Fact]
    public void UnreadableFile_IsNoFaultOfTheProgram()
    {
        var path = _data.Write("a.jsonl", "{\"a\":1}");
        using var locked = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.Contains("cannot be read", Refusal(path));
    }

    [Theory]
    [InlineData("a.jsonl.zst", "Unpack it with zstd -d.")]
    [InlineData("a.csv.bz2", "Unpack it with bunzip2.")]
    [InlineData("a.zip", "Unpack it and name the file inside.")]
    [InlineData("a.xlsx", "Save it as CSV UTF-8")]
    public void EndingThatIsNotRead_ComesWithAdvice(string name, string advice) =>
        Assert.Contains(advice, Refusal(_data.Write(name, "x")));

    [Theory]
    [InlineData("a.csv", "What is the capital of Peru?,Lima\nWhat is the capital of Chile?,Santiago\n", "csv_columns")]
    [InlineData("a.jsonl", "", "the file is empty (0 bytes)")]
    [InlineData("a.jsonl", "\n\n", "holds no rows. At least one")]
    public void FileThatTeachesNothing_SaysWhy(string name, string content, string message)
    {
        var path = _data.Write(name, content);
        Assert.Contains(message, Assert.Throws<DatasetException>(() => DataFixture.Load(path)).Message);
    }

    // Names without blanks around them, so that no ending of Excel's is imitated; a lone blank cell is a blank line.
    [Theory]
    [InlineData("a.csv", ',')]
    [InlineData("a.tsv", '\t')]
    [InlineData("a.csv.gz", ';')]
    public void AnyCells_ComeBackFromDelimitedText(string name, char separator) =>
        Gen.Char[" \",;\t|\n\réữx'\\"].Array[0, 6].Select(characters => new string(characters)).Array[2].Array[1, 8]
            .Sample(rows =>
            {
                string Quote(string cell) => $"\"{cell.Replace("\"", "\"\"")}\"";
                var lines = rows.Select(row => string.Join(separator, row.Select(Quote)));
                var path = _data.Write(name, $"a{separator}b\n{string.Join('\n', lines)}\n");
                var read = DatasetReader.Read(path, ["train"], csv: new CsvDialect { Separator = separator }).ToArray();
                Assert.Equal(rows, read.Select(row => row.Values.Select(cell => (string)cell.Value!).ToArray()));
            }, iter: 100, threads: 1);

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.json")]
    public void AnyValues_ComeBackFromJson(string name) =>
        Gen.Select(Gen.String, Gen.Double.Where(double.IsFinite), Gen.Int.Array[0, 3]).Array[1, 8].Sample(rows =>
        {
            var lines = rows.Select(row => System.Text.Json.JsonSerializer.Serialize(
                new { text = WholeCharacters(row.Item1), number = row.Item2, list = row.Item3 })).ToArray();
            var path = _data.Write(
                name, name == "a.json" ? $"[\n{string.Join(",\n", lines)}\n]" : string.Join('\n', lines));
            Assert.Equal(lines, DataFixture.Rows(path));
        }, iter: 100, threads: 1);

    private static string WholeCharacters(string text) => string.Concat(text.EnumerateRunes());

    private static string Refusal(string path) => Assert.Throws<DatasetException>(() => DataFixture.Rows(path)).Message;
}
