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
    /// <summary>How many rows are looked at to find out what the columns mean.</summary>
    public const int RowsTried = 100;

    private readonly IReadOnlyDictionary<string, string> _columnMap;

    private RowRendering(
        RowShape shape, IReadOnlyDictionary<string, string> columnMap, ColumnUse columns, TurnMarkup? markup, PromptFormat format)
    {
        (Shape, _columnMap, Columns, Markup, Format) = (shape, columnMap, columns, markup, format);
    }

    /// <summary>What the columns mean.</summary>
    public RowShape Shape { get; }

    /// <summary>Columns by the names that the shape uses, where they have others.</summary>
    public IReadOnlyDictionary<string, string> ColumnMap => _columnMap;

    /// <summary>Which columns of the first rows are read.</summary>
    public ColumnUse Columns { get; }

    /// <summary>The shape, the columns that are read and those that are not, in one line.</summary>
    public string Summary => $"{WireNames.Of(Shape.Kind)} ({string.Join(", ", Columns.Used)}), format {Format.Name}" +
        (Columns.Unused.Count == 0 ? "" : $"; not used: {string.Join(", ", Columns.Unused)}");

    /// <summary>The markup of written text, if it has one.</summary>
    public TurnMarkup? Markup { get; }

    /// <summary>How prompts are written.</summary>
    public PromptFormat Format { get; }

    /// <summary>How many of so many texts put their question in other words than the format, and the first of them.</summary>
    public (int Count, int Of, RowOrigin First)? OtherWords { get; private init; }

    /// <summary>Finds out how a dataset is to be rendered.</summary>
    /// <param name="source">Its rows; at least one.</param>
    /// <param name="options">Shape, columns and template, where the user names them.</param>
    /// <param name="tokenizer">The model's tokenizer, if it has one.</param>
    /// <param name="format">The format of the training data or the adapter, which must be kept; null to choose.</param>
    public static RowRendering Choose(
        RowSource source, DataOptions options, Tokenizer? tokenizer, PromptFormat? format = null)
    {
        DataRow[] rows = [.. source.Rows.Take(RowsTried)];
        var columnMap = ShapeDetection.CompleteColumnMap(rows, options);
        var wanted = options.TextField is null ? options.Shape : DatasetShape.Text;
        var sample = rows.Select(row => new RowCells(row, columnMap)).ToArray();
        var shape = ShapeDetection.Detect(rows, wanted, columnMap).SeenIn(sample);

        var written = shape is TextShape
            ? sample.Select(row => (Content: shape.Read(row) as TextContent, row.Origin)).Where(text => text.Content is not null).ToArray()
            : [];
        string[] texts = [.. written.Select(text => text.Content!.Text)];
        RowOrigin[] origins = [.. written.Select(text => text.Origin)];
        var markup = texts.Length == 0 ? null : TurnMarkup.Detect(texts)?.WithGapOf(texts);
        if (markup is not null && options.ChatTemplate is not null)
        {
            throw new ConfigurationException(
                $"chat_template is '{options.ChatTemplate}', and the text is in the format '{markup.Format}' already " +
                $"({sample[0].Origin}). A template renders conversations, not text. Leave the option out.");
        }
        if (markup is not null && format is not null)
            CheckMarkup(markup, format, sample[0].Origin);

        // Bare continuations have no place for instructions and earlier turns: one row that has them decides for all.
        PromptStyle[] styles = [.. sample.Where(shape.Fits).Select(shape.StyleOf).Distinct()];
        var style = styles[0] is PromptStyle.Verbatim or PromptStyle.Written && styles.Contains(PromptStyle.Conversation)
            ? PromptStyle.Conversation
            : styles[0];
        if (markup is null)
        {
            format ??= PromptFormats.ForDataset(style, options.ChatTemplate, tokenizer);
            return new RowRendering(shape, columnMap, ColumnUse.Of(shape, sample, columnMap), null, format);
        }

        var (chosen, differing) = format is null
            ? WrittenFormats.Choose(markup, texts, tokenizer)
            : (format, WrittenFormats.Differing(markup, texts, format, tokenizer));
        return new RowRendering(shape, columnMap, ColumnUse.Of(shape, sample, columnMap), markup, chosen)
        {
            OtherWords = differing.Count == 0 ? null : (differing.Count, texts.Length, origins[differing[0]]),
        };
    }

    private static void CheckMarkup(TurnMarkup markup, PromptFormat format, RowOrigin origin)
    {
        if (BuiltInFormats.Find(format.Name) is not null && format.Name != markup.Format)
        {
            throw new ConfigurationException(
                $"The text is in the format '{markup.Format}' ({origin}), and the model was or is trained with " +
                $"'{format.Name}'. Both must be the same. Use data with separate columns for question and answer.");
        }
    }

    /// <summary>What a row says.</summary>
    /// <exception cref="DatasetException">A cell is of the wrong kind; the message names the row.</exception>
    public RowContent Read(DataRow row)
    {
        var cells = new RowCells(row, _columnMap);
        return Shape.MissingIn(cells) is { } missing ? new SkippedContent($"no '{missing}'") : Shape.Read(cells);
    }

    /// <summary>What a row's first answer answers, as a key: equal for rows that ask the same.</summary>
    public string PromptOf(DataRow row)
    {
        switch (Read(row))
        {
            case TextContent { Text: var text }:
                return Markup?.FirstQuestion(text) ?? text;
            case ConversationContent { Messages: var messages }:
                return string.Concat(FirstQuestion(messages).Select(message => message.ToJsonString()));
            case TokenContent tokens:
                var first = Array.FindIndex(tokens.Labels, label => label != TrainingRow.Ignored);
                return string.Join(' ', first > 1 ? tokens.Ids[..first] : tokens.Ids);
            default:
                return $"{row.Origin}";
        }
    }

    /// <summary>
    /// The messages up to the first answer to a question: what an assistant says before anybody asks belongs to the
    /// question. All of them where nobody asks.
    /// </summary>
    private static IEnumerable<JsonNode> FirstQuestion(JsonArray messages)
    {
        var isAsked = false;
        foreach (var message in messages)
        {
            var role = (string?)message!["role"];
            if (role == "assistant" && isAsked)
                yield break;
            isAsked |= role is not ("assistant" or "system" or "developer");
            yield return message;
        }
    }

    /// <summary>The text of an example, or null and why the template refuses it.</summary>
    public RenderedText? TryRender(RowContent example, out string? refusal)
    {
        refusal = null;
        if (example is TextContent written)
            return new RenderedText(written.Text, Markup?.FindAnswers(written.Text));
        var conversation = (ConversationContent)example;
        try
        {
            return Format.RenderAnswers(conversation.Messages, conversation.Tools);
        }
        catch (LorikeetException fault)
        {
            refusal = fault.Message;
            return null;
        }
    }
}
