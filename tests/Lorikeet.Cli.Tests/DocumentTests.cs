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

    [Theory]
    [InlineData("README.md", "README.vi.md")]
    [InlineData("docs/faq.md", "docs/faq.vi.md")]
    [InlineData("docs/serving.md", "docs/serving.vi.md")]
    [InlineData("docs/dotnet.md", "docs/dotnet.vi.md")]
    [InlineData("docs/data.md", "docs/data.vi.md")]
    public void BothLanguages_HaveTheSamePartsInTheSameOrder(string english, string vietnamese) =>
        Assert.Equal(Levels(english), Levels(vietnamese));

    [Theory]
    [InlineData("docs/reliability.md")]
    [InlineData("docs/compatibility.md")]
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
    public void Compatibility_IsWhatTestsWouldWrite() =>
        Assert.Equal(File.ReadAllText(CompatibilityTable.Path), CompatibilityTable.Read().ToMarkdown());

    private static string Full(string document) => Path.Combine(TestAssets.Root, document);

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
