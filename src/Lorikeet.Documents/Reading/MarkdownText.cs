using System.Text;
using Markdig;
using Markdig.Extensions.Tables;
using Markdig.Extensions.Yaml;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace Lorikeet.Documents.Reading;

/// <summary>
/// Markdown as CommonMark has it, with tables and footnotes; what stands before it in YAML is left out.
/// </summary>
internal static class MarkdownText
{
    private static readonly MarkdownPipeline s_pipeline =
        new MarkdownPipelineBuilder().UseYamlFrontMatter().UsePipeTables().UseFootnotes().Build();

    public static void Read(string path, BlockList blocks) =>
        Add(Markdown.Parse(PlainText.Whole(path), s_pipeline), blocks);

    // Markdig refuses more than 128 levels.
    private static void Add(ContainerBlock container, BlockList blocks)
    {
        foreach (var block in container)
        {
            switch (block)
            {
                case YamlFrontMatterBlock or LinkReferenceDefinitionGroup:
                    break;
                case HeadingBlock heading:
                    blocks.Add(TextOf(heading.Inline), heading.Level);
                    break;
                case TableRow row:
                    blocks.Add(string.Join(" | ", row.OfType<ContainerBlock>().Select(
                        cell => string.Join(' ', cell.OfType<LeafBlock>().Select(leaf => TextOf(leaf.Inline))))));
                    break;
                case HtmlBlock html:
                    HtmlText.Add(html.Lines.ToString(), blocks);
                    break;
                case CodeBlock code:
                    blocks.Add(code.Lines.ToString());
                    break;
                case LeafBlock leaf:
                    blocks.Add(TextOf(leaf.Inline));
                    break;
                case ContainerBlock inner:
                    Add(inner, blocks);
                    break;
            }
        }
    }

    private static string TextOf(ContainerInline? inlines)
    {
        var text = new StringBuilder();
        if (inlines is not null)
            Append(inlines, text);
        return text.ToString();
    }

    private static void Append(ContainerInline inlines, StringBuilder text)
    {
        foreach (var inline in inlines)
        {
            switch (inline)
            {
                case LiteralInline literal:
                    text.Append(literal.Content.AsSpan());
                    break;
                case CodeInline code:
                    text.Append(code.Content);
                    break;
                case HtmlEntityInline entity:
                    text.Append(entity.Transcoded.AsSpan());
                    break;
                case AutolinkInline link:
                    text.Append(link.Url);
                    break;
                case LineBreakInline:
                    text.Append('\n');
                    break;
                case LinkInline { IsImage: true }:
                    break;
                case ContainerInline inner:
                    Append(inner, text);
                    break;
            }
        }
    }
}
