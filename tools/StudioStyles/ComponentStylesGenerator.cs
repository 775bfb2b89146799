using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace StudioStyles;

/// <summary>
/// Puts into the studio the rules of its component library's stylesheet that its pages need, a fifth of 630 kB: the
/// rest costs every visitor the time to read it and to match it with every element. <c>styles.txt</c> says which; a
/// test holds that pages look the same under the whole stylesheet.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class ComponentStylesGenerator : IIncrementalGenerator
{
    private static readonly Regex s_class = new(@"\.(-?[A-Za-z_][\w-]*)", RegexOptions.CultureInvariant);
    private static readonly Regex s_comment = new(
        @"/\*.*?\*/", RegexOptions.CultureInvariant | RegexOptions.Singleline);
    private static readonly Regex s_negation = new(@":not\([^)]*\)", RegexOptions.CultureInvariant);

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var files = context.AdditionalTextsProvider
            .Where(static file => Path.GetFileName(file.Path) is "styles.txt" or "MudBlazor.min.css")
            .Select(static (file, cancellation) =>
                (Name: Path.GetFileName(file.Path), Text: file.GetText(cancellation)?.ToString() ?? ""))
            .Collect();
        context.RegisterSourceOutput(files, static (output, all) =>
        {
            var texts = all.ToDictionary(file => file.Name, file => file.Text);
            var whole = texts["MudBlazor.min.css"];
            var licence = s_comment.Match(whole).Value;
            var kept = licence + Keep(Rules(s_comment.Replace(whole, "")), new Needed(texts["styles.txt"]));
            output.AddSource("ComponentStyles.g.cs", $$"""
                namespace Lorikeet.Studio.Assets;

                internal static class ComponentStyles
                {
                    public static System.ReadOnlySpan<byte> Css => {{SymbolDisplay.FormatLiteral(kept, quote: true)}}u8;
                }
                """);
        });
    }

    private static string Keep(IEnumerable<(string Head, string Body)> rules, Needed needed)
    {
        var kept = new StringBuilder();
        foreach (var (head, body) in rules)
        {
            var isMedia = head.StartsWith("@media", StringComparison.Ordinal);
            var inner = isMedia ? Keep(Rules(body), needed) : body;
            var serving = head.Split(',').Where(selector => Serves(selector, needed));
            var selectors = head[0] == '@' ? head : string.Join(",", serving);
            if (selectors.Length > 0 && (inner.Length > 0 || !isMedia))
                kept.Append(selectors).Append('{').Append(inner).Append('}');
        }

        return kept.ToString();
    }

    /// <summary>Whether a selector may match: all the classes it asks for are needed.</summary>
    private static bool Serves(string selector, Needed needed) =>
        s_class.Matches(s_negation.Replace(selector, "")).Cast<Match>().All(match => needed.Has(match.Groups[1].Value));

    /// <summary>The rules of a minified stylesheet, without their braces.</summary>
    private static IEnumerable<(string Head, string Body)> Rules(string css)
    {
        for (var at = 0; css.IndexOf('{', at) is var open and >= 0;)
        {
            var (end, depth) = (open + 1, 1);
            for (; depth > 0; end++)
                depth += css[end] == '{' ? 1 : css[end] == '}' ? -1 : 0;
            yield return (css.Substring(at, open - at), css.Substring(open + 1, end - open - 2));
            at = end;
        }
    }

    /// <summary>The classes that pages need.</summary>
    private sealed class Needed
    {
        private readonly string[] _families;
        private readonly HashSet<string> _without;

        public Needed(string text)
        {
            var lines = text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#');
            var kinds = lines.ToLookup(line => line[0] == '!');
            _families = [.. kinds[false]];
            _without = [.. kinds[true].Select(line => line.Substring(1))];
        }

        public bool Has(string name) =>
            _families.Any(family => name == family || name.StartsWith(family + "-", StringComparison.Ordinal)) &&
            !name.Split('-').Any(_without.Contains);
    }
}
