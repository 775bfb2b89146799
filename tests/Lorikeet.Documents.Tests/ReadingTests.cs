using Lorikeet.Documents.Passages;
using Lorikeet.Documents.Reading;
using Lorikeet.Testing;

namespace Lorikeet.Documents.Tests;

public sealed class ReadingTests : IDisposable
{
    public static readonly string Samples = Path.Combine(TestAssets.Root, "samples", "documents");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>What each format has in its own way: headings, tables, entities, lines that are joined.</summary>
    [Theory]
    [InlineData("en/bicycle-brakes.md", "Cleaning", "Pads | check every 500 kilometres")]
    [InlineData("en/kettle.txt", null, "at most 1.7 litres of water. The marks are inside")]
    [InlineData("en/lighthouse.html", "The tower", "The light is seen from 23 nautical miles away.")]
    [InlineData("en/lighthouse.html", "Today", "Adult | 12 euros")]
    [InlineData("en/sourdough.docx", "Baking", "Bake the loaf for 20 minutes at 250 °C in a closed pot")]
    [InlineData("en/pump-warranty.pdf", "How to claim", "invoice to the service within 14 days after the damage")]
    [InlineData("vi/ca-phe.docx", "Các bước", "nếu nhanh hơn, bột xay quá thô.")]
    [InlineData("vi/cau-long-bien.pdf", null, "gồm 19 nhịp thép, do công ty Daydé và Pillé thiết kế")]
    [InlineData("vi/van-mieu.html", "Bia tiến sĩ", "82 tấm bia tiến sĩ")]
    public void Text_IsThatOfTheDocument(string name, string? heading, string expected)
    {
        var document = Document.Read(Path.Combine(Samples, name));

        Assert.Contains(expected, document.Text);
        Assert.True(document.Text.IsNormalized());
        if (heading is not null)
        {
            Assert.Contains(document.Parts, part =>
                part.Level > 0 && document.Text.Substring(part.Start, part.Length) == heading);
        }
    }

    [Theory]
    [InlineData("en/lighthouse.html", "not text")]
    [InlineData("en/lighthouse.html", "imprint")]
    [InlineData("en/bicycle-brakes.md", "title:")]
    public void WhatIsNotText_IsLeftOut(string name, string unexpected) =>
        Assert.DoesNotContain(unexpected, Document.Read(Path.Combine(Samples, name)).Text);

    [Fact]
    public void TextInOtherForms_IsTheSame()
    {
        var composed = Write("a.txt", "Tiếng Việt\u00a0có dấu");
        var decomposed = Write("b.txt", "\ufeffTiếng Việt có \u200bdấu".Normalize(System.Text.NormalizationForm.FormD));

        Assert.Equal(Document.Read(composed).Text, Document.Read(decomposed).Text);
    }

    [Theory]
    [InlineData("Dr. Lê lives at No. 5. He is 70.", "Dr. Lê lives at No. 5.", "He is 70.")]
    [InlineData("Giá 1.000 đồng. TP. Huế đẹp! Đúng?", "Giá 1.000 đồng.", "TP. Huế đẹp!", "Đúng?")]
    [InlineData("He said \"Go.\" Then left… Really", "He said \"Go.\"", "Then left…", "Really")]
    [InlineData("J. R. R. Tolkien wrote it. the end", "J. R. R. Tolkien wrote it. the end")]
    [InlineData("彼は来た。私は行く。", "彼は来た。", "私は行く。")]
    public void Sentences_EndWhereReadersSay(string text, params string[] expected) =>
        Assert.Equal(expected, Sentences.Of(text, 0, text.Length).Select(slice => slice.Of(text)));

    [Fact]
    public void Passages_AreSlices_WithinTheirBound_AndDivideNoSentenceThatFits()
    {
        var options = new PassageOptions { MaxTokens = 40, MinTokens = 8 };
        foreach (var path in Directory.EnumerateFiles(Samples, "*", SearchOption.AllDirectories))
        {
            var document = Document.Read(path);
            var passages = Passage.Cut(document, options);
            var end = 0;
            foreach (var passage in passages)
            {
                Assert.Equal(passage.Text, document.Text.Substring(passage.Start, passage.Text.Length));
                Assert.True(passage.Start >= end);
                Assert.InRange(options.Count(passage.Text), 1, 40 + 4); // blanks between sentences count too
                end = passage.Start + passage.Text.Length;
            }

            var body = document.Parts.Where(part => part.Level == 0).Sum(
                part => Sentences.Of(document.Text, part.Start, part.End).Sum(slice => slice.End - slice.Start));
            Assert.InRange(
                passages.Sum(passage => passage.Sentences.Sum(slice => slice.End - slice.Start)), body - 20, body);
        }
    }

    [Fact]
    public void LongSentences_AreDividedBetweenSyllables()
    {
        var text = string.Join(' ', Enumerable.Repeat("nghiêng nghiêng, đường", 100));
        var document = Document.Read(Write("long.txt", text));

        var passages = Passage.Cut(document, new PassageOptions { MaxTokens = 20 });

        Assert.True(passages.Count > 10);
        Assert.Equal(text, string.Join(' ', passages.Select(passage => passage.Text)));
        var word = Document.Read(Write("word.txt", new string('a', 500)));
        Assert.Equal(500, Passage.Cut(word, new PassageOptions { MaxTokens = 16 }).Sum(passage => passage.Text.Length));
    }

    [Fact]
    public void Headings_AreThoseAboveThePassage()
    {
        var document = Document.Read(Path.Combine(Samples, "en", "bicycle-brakes.md"));

        var passage = Assert.Single(
            Passage.Cut(document, new PassageOptions { MaxTokens = 64, MinTokens = 8 }),
            passage => passage.Text.StartsWith("Cleaning", StringComparison.Ordinal));

        Assert.Equal(["Caring for bicycle brakes"], passage.Headings);
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }
}
