using System.Text.RegularExpressions;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>
/// What can be checked of the documents: links, names of tests, the two languages, the tables of tests.
/// </summary>
public sealed partial class DocumentTests
{
    public static TheoryData<string> Documents =>
        [.. Directory.EnumerateFiles(TestAssets.Root, "*.md").Concat(Directory.EnumerateFiles(Full("docs"), "*.md"))
            .Append(Full("bench/README.md")).Append(Full("tools/Lorikeet.Fuzz/README.md"))
            .Select(path => Path.GetRelativePath(TestAssets.Root, path))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_LeadToFiles(string document)
    {
        var folder = Path.GetDirectoryName(Full(document))!;
        var broken = Link().Matches(File.ReadAllText(Full(document))).Select(match => match.Groups[1].Value)
            .Where(link => !link.Contains(':') && !Path.Exists(Path.Combine(folder, link)));
        Assert.Empty(broken);
    }

    public static TheoryData<string> InVietnamese =>
        [.. Documents.Select(row => row.Data).Where(name => name.EndsWith(".vi.md", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(InVietnamese))]
    public void BothLanguages_HaveTheSamePartsInTheSameOrder(string vietnamese) =>
        Assert.Equal(Levels(vietnamese.Replace(".vi.md", ".md", StringComparison.Ordinal)), Levels(vietnamese));

    [Theory]
    [MemberData(nameof(InVietnamese))]
    public void LinksOfVietnamesePages_LeadToVietnamesePages_WhereThereAre(string vietnamese)
    {
        var folder = Path.GetDirectoryName(Full(vietnamese))!;
        var twins = Link().Matches(File.ReadAllText(Full(vietnamese))).Select(match => match.Groups[1].Value)
            .Where(link => link.EndsWith(".md", StringComparison.Ordinal) && !link.Contains(':'))
            .Where(link => !link.EndsWith(".vi.md", StringComparison.Ordinal))
            .Where(link => File.Exists(Path.Combine(folder, link[..^".md".Length] + ".vi.md")))
            .Where(link => Path.GetFileName(link) != Path.GetFileName(vietnamese).Replace(".vi.md", ".md"));
        Assert.Empty(twins);
    }

    /// <summary>Whoever looks for a page finds it in the index of its language.</summary>
    [Theory]
    [InlineData("docs/README.md")]
    [InlineData("docs/README.vi.md")]
    public void Index_NamesEveryPage(string index)
    {
        var isVietnamese = index.EndsWith(".vi.md", StringComparison.Ordinal);
        var text = File.ReadAllText(Full(index));
        var pages = Directory.EnumerateFiles(Full("docs"), "*.md").Select(path => Path.GetFileName(path)!)
            .Where(name => !name.StartsWith("README", StringComparison.Ordinal))
            .Where(name => name.EndsWith(".vi.md", StringComparison.Ordinal) == isVietnamese
                && (isVietnamese || !name.EndsWith(".vi.md", StringComparison.Ordinal)));

        Assert.All(pages, page => Assert.Contains($"({page})", text));
    }

    [Theory]
    [InlineData("docs/reliability.md")]
    [InlineData("docs/reliability.vi.md")]
    [InlineData("docs/compatibility.md")]
    [InlineData("docs/compatibility.vi.md")]
    public void TestsThatADocumentNames_AreThere(string document)
    {
        var code = string.Join('\n', Directory.EnumerateFiles(Full("tests"), "*.cs", SearchOption.AllDirectories)
            .Select(File.ReadAllText));
        var named = TestName().Matches(File.ReadAllText(Full(document))).Select(match => match.Groups[1].Value)
            .ToList();
        Assert.NotEmpty(named);
        Assert.All(named, name => Assert.Matches($@"\b(class|void|Task) {name}\b", code));
    }

    [Fact]
    public void Compatibility_IsWhatTestsWouldWrite()
    {
        var table = CompatibilityTable.Read();
        Assert.Equal(File.ReadAllText(CompatibilityTable.Path), table.ToMarkdown());
        Assert.Equal(File.ReadAllText(CompatibilityTable.VietnamesePath), table.ToVietnamese());
    }

    /// <summary>Of a twin in another language, the figures and names are the same in the same order of rows.</summary>
    [Theory]
    [InlineData("docs/reliability.md")]
    public void Tables_OfBothLanguages_NameTheSameTests(string document) => Assert.Equal(
        RowsOf(document), RowsOf(document.Replace(".md", ".vi.md", StringComparison.Ordinal)));

    private static string Full(string document) => Path.Combine(TestAssets.Root, document);

    private static IEnumerable<string> RowsOf(string document) => File.ReadLines(Full(document))
        .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
        .Select(line => string.Join(' ', TestName().Matches(line).Select(match => match.Groups[1].Value)));

    private static IEnumerable<int> Levels(string document) =>
        Heading().Matches(File.ReadAllText(Full(document))).Select(match => match.Groups[1].Length);

    /// <summary>Of [text](target), the target without what stands after #.</summary>
    [GeneratedRegex(@"\]\(([^)#\s]+)[^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex("^(#+) ", RegexOptions.Multiline)]
    private static partial Regex Heading();

    /// <summary>`SomeTests`, or `Behaviour_Condition`.</summary>
    [GeneratedRegex(@"`(\w+Tests|[A-Z]\w*_\w+)`")]
    private static partial Regex TestName();
}
