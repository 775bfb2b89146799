using System.Globalization;
using System.Xml.Linq;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Runs;

public sealed class ReportTests
{
    [Fact]
    public void Markdown_SaysEverything() =>
        Golden.Verify("report.md", MarkdownReport.Render(RecordedReport.Create()));

    [Fact]
    public void Markdown_InVietnamese_HasVietnameseHeadings() =>
        Golden.Verify("report.vi.md", MarkdownReport.Render(RecordedReport.Create(ReportLanguage.Vietnamese)));

    [Fact]
    public void Html_IsWellFormed_AndAsksForNothingOutside()
    {
        var page = HtmlReport.Render(RecordedReport.Create());

        Assert.NotEmpty(Parse(page).Descendants("svg"));
        string[] outside = ["http", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe"];
        Assert.All(outside, part => Assert.DoesNotContain(part, page));
    }

    [Fact]
    public void Html_ShowsModelOutputAsText()
    {
        var page = Parse(HtmlReport.Render(RecordedReport.Create()));
        var cells = page.Descendants("td").Select(cell => cell.Value).ToList();

        Assert.Contains("Expected" + "Đáp án" + "yes & <b>yes</b>", cells);
        Assert.Contains(cells, cell => cell.EndsWith("a\u2401b\ufffd ```"));
        Assert.Contains(cells, cell => cell.EndsWith("*yes*\nindeed"));
        Assert.Contains(cells, cell => cell.EndsWith("✓ correctđúngHà Nội"));
    }

    [Fact]
    public void Html_MarksWordsThatChanged_AndDrawsHowLongRowsAre()
    {
        var page = Parse(HtmlReport.Render(RecordedReport.Create()));

        var marks = page.Descendants("mark").Select(mark => (mark.Attribute("class")!.Value, mark.Value.Trim()));
        Assert.Equal([("gone", "Trãi"), ("new", "Du")], marks);
        var bars = page.Descendants("rect").Where(bar => bar.Attribute("class")?.Value == "length").ToList();
        Assert.Equal(5, bars.Count);
        Assert.Equal("17–32: 640", bars[1].Value);
        Assert.Equal(
            bars[1], bars.MaxBy(bar => double.Parse(bar.Attribute("height")!.Value, CultureInfo.InvariantCulture)));
    }

    [Theory]
    [InlineData(ReportLanguage.English, "en")]
    [InlineData(ReportLanguage.Vietnamese, "vi")]
    public void Html_OpensInTheChosenLanguage(ReportLanguage language, string chosen)
    {
        var page = Parse(HtmlReport.Render(RecordedReport.Create(language)));

        Assert.Equal(chosen, page.Attribute("lang")!.Value);
        var choice = page.Descendants("input").Single(input => input.Attribute("checked") is not null);
        Assert.Equal(chosen, choice.Attribute("id")!.Value);
    }

    [Fact]
    public void Report_OfARunWithoutStepsScoresOrAnswers_LeavesThoseSectionsOut()
    {
        var bare = RecordedReport.Create() with
        {
            History = new RunHistory([], [], null),
            Scores = [],
            Answers = [],
            Lengths = [],
            Settings = [],
            Warnings = [],
            NextCommands = [],
        };

        Assert.Single(Parse(HtmlReport.Render(bare)).Descendants("section"));
        Assert.DoesNotContain("## Training", MarkdownReport.Render(bare));
    }

    [Fact]
    public void Write_PutsBothFormsIntoTheRunsFolder()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder.Path);

        RecordedReport.Create().Write(run);

        Assert.StartsWith("# nano-base", File.ReadAllText(run.MarkdownReport));
        Assert.StartsWith("<!doctype html>", File.ReadAllText(run.HtmlReport));
    }

    // The page is HTML that is also XML, apart from its first line and its styles.
    private static XElement Parse(string page)
    {
        var style = page.IndexOf("<style>", StringComparison.Ordinal);
        var end = page.IndexOf("</style>", StringComparison.Ordinal) + "</style>".Length;
        var start = page.IndexOf("<html", StringComparison.Ordinal);
        return XElement.Parse(page[start..style] + page[end..], LoadOptions.PreserveWhitespace);
    }
}
