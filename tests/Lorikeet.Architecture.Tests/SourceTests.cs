using System.Text.RegularExpressions;
using System.Xml.Linq;
using Lorikeet.Testing;

namespace Lorikeet.Architecture.Tests;

/// <summary>What holds for the text of the sources.</summary>
public sealed partial class SourceTests
{
    /// <summary>The lists of files in ARCHITECTURE.md that a row and an adapter pass.</summary>
    [Theory]
    [InlineData("One row", 40)]
    [InlineData("One adapter", 30)]
    public void Routes_NameFilesOfSrc_AndNoneTwice(string title, int most)
    {
        var hops = Hops(title);

        Assert.InRange(hops.Count, 1, most);
        Assert.Equal(Enumerable.Range(1, hops.Count), hops.Select(hop => hop.Number));
        Assert.Equal(hops.Count, hops.Select(hop => hop.File).Distinct().Count());
        var files = Directory.EnumerateFiles(Path.Combine(TestAssets.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Select(Path.GetFileNameWithoutExtension).ToHashSet();
        Assert.All(hops, hop => Assert.Contains(hop.File, files));
    }

    [Fact]
    public void Notices_NameEveryPackage()
    {
        var packages = XDocument.Load(Path.Combine(TestAssets.Root, "Directory.Packages.props"))
            .Descendants("PackageVersion").Select(package => package.Attribute("Include")!.Value);
        var notices = File.ReadAllText(Path.Combine(TestAssets.Root, "THIRD-PARTY-NOTICES.md"));

        Assert.Empty(packages.Where(package => !Regex.IsMatch(notices, $@"[\[ ]{Regex.Escape(package)}[,\]]")));
    }

    private static List<(int Number, string File)> Hops(string title)
    {
        var text = File.ReadAllText(Path.Combine(TestAssets.Root, "ARCHITECTURE.md"));
        var section = text[text.IndexOf($"\n## {title}\n", StringComparison.Ordinal)..].Split("\n## ")[1];
        var lines = section.Split('\n').Where(line => line.StartsWith("    ", StringComparison.Ordinal));
        return [.. lines.SelectMany(line => Hop().Matches(line.Trim().Split("  ")[0])).Select(
            match => (int.Parse(match.Groups["number"].ValueSpan), match.Groups["file"].Value))];
    }

    [GeneratedRegex(@"\b(?<number>\d+) (?<file>\w+)")]
    private static partial Regex Hop();
}
