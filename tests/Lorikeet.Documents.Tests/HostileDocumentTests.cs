using System.IO.Compression;
using System.Text;
using Lorikeet.Documents.Reading;
using Lorikeet.Testing;

namespace Lorikeet.Documents.Tests;

/// <summary>Documents that are damaged, or made to do harm: each is refused by name, and soon.</summary>
public sealed class HostileDocumentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ArchiveThatUnpacksToMuch_IsRefused() =>
        Refuses("unpacks its part word/document.xml", WithPart("bomb.docx", "word/document.xml", stream =>
        {
            var blanks = new byte[1 << 20];
            for (var i = 0; i < 257; i++)
                stream.Write(blanks);
        }));

    [Fact]
    public void DocxWithoutItsParts_IsRefused() =>
        Refuses("has no main part", WithPart("empty.docx", "a.txt", stream => stream.WriteByte(1)));

    [Theory]
    [InlineData("a.docx", "not a zip", "cannot be read as DOCX")]
    [InlineData("a.pdf", "not a pdf", "cannot be read as PDF")]
    [InlineData("a.txt", "  \n ", "has no text")]
    [InlineData("a.html", "<script>x</script>", "has no text")]
    [InlineData("a.rtf", "x", "does not end as a document does")]
    public void WhatIsNoDocument_IsRefused(string name, string text, string said) => Refuses(said, Write(name, text));

    [Fact]
    public void OtherEncodings_AreRefused()
    {
        File.WriteAllBytes(_folder["old.txt"], [0x54, 0x69, 0xd5, 0x6e, 0x67]);
        Refuses("is not in UTF-8", _folder["old.txt"]);
    }

    [Fact]
    public void DeepNesting_IsReadOrRefused()
    {
        var html = Write("deep.html", string.Concat(Enumerable.Repeat("<div>", 5_000)) + "Bottom of it.");
        Assert.Equal("Bottom of it.", Document.Read(html).Text);
        Refuses("cannot be read as MD", Write("deep.md", string.Concat(Enumerable.Repeat("> ", 2_000)) + "x"));
    }

    [Fact]
    public void LargeFiles_AreRefusedUnread() => Refuses(
        "documents of up to 100", Write("large.txt", new string('x', 1000)), new DocumentOptions { MaxBytes = 100 });

    [Fact]
    public void PdfThatUnpacksToMuch_IsRefused()
    {
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var blanks = Encoding.ASCII.GetBytes(new string(' ', 1 << 20));
            for (var i = 0; i < 65; i++)
                deflate.Write(blanks);
        }

        var path = _folder["bomb.pdf"];
        using (var stream = File.Create(path))
        {
            var places = new List<long>();
            void Say(string text) => stream.Write(Encoding.ASCII.GetBytes(text));
            void Begin(string text)
            {
                places.Add(stream.Position);
                Say($"{places.Count} 0 obj\n{text}\n");
            }

            Say("%PDF-1.4\n");
            Begin("<</Type/Catalog/Pages 2 0 R>>\nendobj");
            Begin("<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj");
            Begin("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<<>>>>\nendobj");
            Begin($"<</Length {packed.Length}/Filter/FlateDecode>>\nstream");
            stream.Write(packed.ToArray());
            Say("\nendstream\nendobj\n");
            var table = stream.Position;
            Say($"xref\n0 5\n0000000000 65535 f \n{string.Concat(places.Select(place => $"{place:D10} 00000 n \n"))}");
            Say($"trailer\n<</Root 1 0 R/Size 5>>\nstartxref\n{table}\n%%EOF\n");
        }

        Refuses("unpacks to more than", path);
    }

    private static void Refuses(string said, string path, DocumentOptions? options = null)
    {
        var fault = Assert.Throws<DatasetException>(() => Document.Read(path, options));
        Assert.StartsWith(path, fault.Message);
        Assert.True(fault.Message.Contains(said, StringComparison.Ordinal), fault.Message);
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }

    private string WithPart(string name, string part, Action<Stream> write)
    {
        using var archive = ZipFile.Open(_folder[name], ZipArchiveMode.Create);
        using var stream = archive.CreateEntry(part, CompressionLevel.Fastest).Open();
        write(stream);
        return _folder[name];
    }
}
