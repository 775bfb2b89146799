using System.Text.RegularExpressions;
using System.Xml.Linq;
using Lorikeet.Testing;

namespace Lorikeet.Architecture.Tests;

/// <summary>What holds for the text of the sources.</summary>
public sealed partial class SourceTests
{
    private const int MaxLineLength = 120;

    private static readonly string[] s_places =
        ["src", "tests", "samples", "tools", "bench", ".ci", "lorikeet"];

    private static readonly string[] s_kinds = [".cs", ".cu", ".cuh", ".sh", ".mjs", ""];

    [Fact]
    public void Lines_HaveAtMost120Columns()
    {
        var longLines = Sources().SelectMany(
            file => LongLines(File.ReadAllLines(file)).Select(line => $"{Name(file)}:{line}"));

        Assert.Empty(longLines);
    }

    [Theory]
    [InlineData("        var text = \"{0}\";", 1)]
    [InlineData("        // {0}", 1)]
    [InlineData("            \"\"\"{0}\"\"\",", 0)]
    [InlineData("            $$\"\"\"{0}\"\"\").Train[0]));", 0)]
    [InlineData("        var text = \"\"\"\n            {0}\n            \"\"\";\n", 0)]
    [InlineData("        var text = \"\"\"\n            a\n            \"\"\" + \"{0}\";\n", 1)]
    public void LongLines_AreThoseThatCanBeBroken(string form, int expected)
    {
        var text = form.Replace("{0}", new string('x', MaxLineLength), StringComparison.Ordinal);

        Assert.Equal(expected, LongLines(text.Split('\n')).Count());
    }

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

        Assert.All(packages, package => Assert.Matches($@"[\[ ]{Regex.Escape(package)}[,\]]", notices));
    }

    private static List<(int Number, string File)> Hops(string title)
    {
        var text = File.ReadAllText(Path.Combine(TestAssets.Root, "ARCHITECTURE.md"));
        var section = text[text.IndexOf($"\n## {title}\n", StringComparison.Ordinal)..].Split("\n## ")[1];
        var lines = section.Split('\n').Where(line => line.StartsWith("    ", StringComparison.Ordinal));
        return [.. lines.SelectMany(line => Hop().Matches(line.Trim().Split("  ")[0])).Select(
            match => (int.Parse(match.Groups["number"].ValueSpan), match.Groups["file"].Value))];
    }

    private static IEnumerable<string> Sources()
    {
        foreach (var place in s_places.Select(place => Path.Combine(TestAssets.Root, place)))
        {
            if (File.Exists(place))
                yield return place;
            else if (Directory.Exists(place))
                foreach (var file in Directory.EnumerateFiles(place, "*", SearchOption.AllDirectories))
                    if (s_kinds.Contains(Path.GetExtension(file)) && !Foreign().IsMatch(Name(file)))
                        yield return file;
        }
    }

    private static string Name(string file) =>
        Path.GetRelativePath(TestAssets.Root, file).Replace(Path.DirectorySeparatorChar, '/');

    /// <summary>
    /// Lines that are too long, but for text that has its line breaks from elsewhere: in a raw literal.
    /// </summary>
    private static IEnumerable<string> LongLines(IEnumerable<string> lines)
    {
        var isRaw = false;
        foreach (var (index, line) in lines.Index())
        {
            var wasRaw = isRaw;
            if (RawQuotes().Count(line) % 2 == 1)
                isRaw = !isRaw;
            var isText = wasRaw && isRaw || RawLiteral().IsMatch(line);
            if (line.Length > MaxLineLength && !isText)
                yield return $"{index + 1}: {line.Length} columns";
        }
    }

    [GeneratedRegex(@"\b(?<number>\d+) (?<file>\w+)")]
    private static partial Regex Hop();

    [GeneratedRegex(@"^tests/(goldens|fixtures)/|(^|/)(node_modules|bin|obj)/|/Seeds/")]
    private static partial Regex Foreign();

    [GeneratedRegex("\"{3,}")]
    private static partial Regex RawQuotes();

    [GeneratedRegex("^\\s*\\$*\"{3}.*\"{3}")]
    private static partial Regex RawLiteral();
}
