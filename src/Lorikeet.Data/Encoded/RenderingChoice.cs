using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Formats.Options;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Encoded;

/// <summary>Finds out from the first rows of a dataset, and only from them, how all are to be rendered.</summary>
internal static class RenderingChoice
{
    /// <summary>How many rows are looked at to find out what the columns mean.</summary>
    public const int RowsTried = 100;

    /// <summary>Finds out how a dataset is to be rendered.</summary>
    /// <param name="source">Its rows, of which the first are read.</param>
    /// <param name="options">Shape, columns and template, where the user names them.</param>
    /// <param name="tokenizer">The model's tokenizer, if it has one.</param>
    /// <param name="format">The format of the training data or the adapter, which must be kept; null to choose.</param>
    /// <exception cref="DatasetException">There is no row, or no shape fits.</exception>
    public static RowRendering Choose(
        RowSource source, DataOptions options, Tokenizer? tokenizer, PromptFormat? format = null)
    {
        DataRow[] rows = [.. source.Rows.Take(RowsTried)];
        if (rows.Length == 0)
            throw source.HasNoRows();
        var columnMap = ShapeDetection.CompleteColumnMap(rows, options);
        var wanted = options.TextField is null ? options.Shape : DatasetShape.Text;
        var sample = rows.Select(row => new RowCells(row, columnMap)).ToArray();
        var shape = ShapeDetection.Detect(rows, wanted, columnMap).SeenIn(sample);
        RequirePreferences(shape, sample, options.Preferences);

        var written = shape is TextShape
            ? sample.Select(row => (Content: shape.Read(row) as TextContent, row.Origin))
                .Where(text => text.Content is not null).ToArray()
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
        var style = styles[0] is PromptStyle.Verbatim
            or PromptStyle.Written && styles.Contains(PromptStyle.Conversation)
            ? PromptStyle.Conversation
            : styles[0];
        if (markup is null)
        {
            format ??= PromptFormats.ForDataset(style, options.ChatTemplate, tokenizer);
            return new RowRendering(shape, columnMap, ColumnUse.Of(shape, sample, columnMap), null, format)
            { Preferences = options.Preferences };
        }

        var (chosen, differing) = format is null
            ? WrittenFormats.Choose(markup, texts, tokenizer)
            : (format, WrittenFormats.Differing(markup, texts, format, tokenizer));
        return new RowRendering(shape, columnMap, ColumnUse.Of(shape, sample, columnMap), markup, chosen)
        {
            Preferences = options.Preferences,
            OtherWords = differing.Count == 0 ? null : (differing.Count, texts.Length, origins[differing[0]]),
        };
    }

    /// <summary>Makes sure that rows which are to be judged hold what says how.</summary>
    /// <exception cref="DatasetException">They do not.</exception>
    private static void RequirePreferences(RowShape shape, RowCells[] sample, PreferenceUse use)
    {
        if (use is PreferenceUse.None)
            return;
        var contents = sample.Where(shape.Fits).Select(shape.Read).ToArray();
        if (contents.Any(content => content.Rejected is not null))
            return;
        var read = $"{WireNames.Of(shape.Kind)}: {string.Join(", ", ShapeMismatch.NamesOf(sample))}";
        if (use is PreferenceUse.Pairs)
        {
            throw new DatasetException(
                $"{sample[0].Origin}: the method learns from pairs of answers, and the rows hold none ({read}). "
                + "Expected chosen and rejected, perhaps with prompt, or prompt_ids, chosen_ids and rejected_ids. Name "
                + "the columns with column_map, or choose another method (sft learns answers, kto answers with "
                + "labels).");
        }

        if (contents.All(content => content.IsWanted is null))
        {
            throw new DatasetException(
                $"{sample[0].Origin}: the method learns from answers that are labelled as wanted or not, and the rows "
                + $"hold no such label ({read}). Expected prompt, completion and label (true or false), prompt_ids, "
                + "completion_ids and label, or pairs of chosen and rejected. Name the columns with column_map, or "
                + "choose another method (sft learns answers).");
        }
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
}
