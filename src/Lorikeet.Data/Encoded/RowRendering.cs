using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Formats.Options;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Encoded;

/// <summary>How the rows of a dataset become text: its shape, the template, and the markup of written text.</summary>
internal sealed class RowRendering
{
    public RowRendering(
        RowShape shape, IReadOnlyDictionary<string, string> columnMap, ColumnUse columns, TurnMarkup? markup,
        PromptFormat format)
    {
        (Shape, ColumnMap, Columns, Markup, Format) = (shape, columnMap, columns, markup, format);
    }

    /// <summary>What the columns mean.</summary>
    public RowShape Shape { get; }

    /// <summary>Columns by the names that the shape uses, where they have others.</summary>
    public IReadOnlyDictionary<string, string> ColumnMap { get; }

    /// <summary>Which columns of the first rows are read.</summary>
    public ColumnUse Columns { get; }

    /// <summary>The shape, the columns that are read and those that are not, in one line.</summary>
    public string Summary => $"{WireNames.Of(Shape.Kind)} ({string.Join(", ", Columns.Used)}), format {Format.Name}" +
        (Columns.Unused.Count == 0 ? "" : $"; not used: {string.Join(", ", Columns.Unused)}");

    /// <summary>The markup of written text, if it has one.</summary>
    public TurnMarkup? Markup { get; }

    /// <summary>How prompts are written.</summary>
    public PromptFormat Format { get; }

    /// <summary>
    /// How many of so many texts put their question in other words than the format, and the first of them.
    /// </summary>
    public (int Count, int Of, RowOrigin First)? OtherWords { get; init; }

    /// <summary>What is learned from preference data.</summary>
    public PreferenceUse Preferences { get; init; }

    /// <summary>A row as the model is to read it.</summary>
    /// <exception cref="DatasetException">A cell is of the wrong kind; the message names the row.</exception>
    public RenderedRow Render(DataRow row)
    {
        var content = Read(row);
        return content.Rejected is { } rejected && Preferences is not PreferenceUse.None
            ? Render(content, row.Origin) with { Rejected = Render(rejected, row.Origin) }
            : Render(content, row.Origin);
    }

    private RenderedRow Render(RowContent content, RowOrigin origin)
    {
        if (content is TextContent { Text: var written } text)
        {
            var answers = text.AnswerStart is { } start ? [(start, written.Length)] : Markup?.FindAnswers(written);
            return new RenderedRow(origin, content, Markup) { Text = new RenderedText(written, answers) };
        }

        if (content is not ConversationContent conversation)
            return new RenderedRow(origin, content, Markup);
        try
        {
            var rendered = Format.RenderAnswers(conversation.Messages, conversation.Tools);
            return new RenderedRow(origin, content, Markup) { Text = rendered };
        }
        catch (LorikeetException fault)
        {
            return new RenderedRow(origin, content, Markup) { Refusal = fault.Message };
        }
    }

    /// <summary>
    /// What a row says, before it is text: enough to ask its question, or to tell which rows ask the same.
    /// </summary>
    /// <exception cref="DatasetException">A cell is of the wrong kind; the message names the row.</exception>
    public RowContent Read(DataRow row)
    {
        var cells = new RowCells(row, ColumnMap);
        if (Shape.MissingIn(cells) is { } missing)
            return new SkippedContent($"no '{missing}'");
        var content = Shape.Read(cells);
        return Preferences switch
        {
            PreferenceUse.None => content.IsWanted is false ? new SkippedContent(EncodedExample.Unwanted) : content,
            _ when content.Rejected is not null => AnswerPair.Divided(content),
            PreferenceUse.Labels => AnswerPair.LastAnswerOf(content),
            _ => content,
        };
    }
}
