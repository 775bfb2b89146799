using System.Reflection;
using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Encoded;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Text.Tokenization;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>What every evaluation of a run measures beside the loss, chosen once.</summary>
/// <param name="Questions">Held-out questions to be answered.</param>
/// <param name="Probe">Rows that are not the task's.</param>
internal sealed record MeasuredRows(IReadOnlyList<Question> Questions, IReadOnlyList<TrainingRow> Probe)
{
    private const int TokensOfBuiltInText = 256;
    private const int TokensOfFile = 8192;

    // Texts whose authors died more than a century ago; assets/probe/README.md names them.
    private static readonly string[] s_builtIn = ["english.txt", "vietnamese.txt"];

    /// <summary>The choice for a run; nothing where it evaluates nothing.</summary>
    /// <exception cref="ConfigurationException">Questions or a probe are asked for, and there are none.</exception>
    public static MeasuredRows Of(TrainingOptions options, TrainingData data, Tokenizer? tokenizer, int vocabulary) =>
        data.Eval.Count == 0 || options.Evaluation.Strategy == IntervalStrategy.No
            ? new MeasuredRows([], [])
            : new MeasuredRows(
                QuestionsOf(options.Evaluation, data, tokenizer), ProbeOf(options, tokenizer, vocabulary));

    private static IReadOnlyList<Question> QuestionsOf(
        EvaluationOptions options, TrainingData data, Tokenizer? tokenizer)
    {
        var count = options.QuestionsAsked;
        if (count == 0)
            return [];
        List<Question> known =
            tokenizer is null ? [] : [.. data.Questions.Where(question => question.Answers.Count > 0)];
        if (known.Count == 0)
            throw new ConfigurationException(
                "'metric_for_best_model' or 'eval_questions' asks held-out questions, and no held-out row has a "
                + "question with a known answer. Expected rows such as question and answer, and a model with a "
                + "tokenizer. Compare evaluations by the loss ('metric_for_best_model' loss, 'eval_questions' 0), or "
                + "give other data.");
        // Rows of one kind often lie together, so the subset is drawn from all of them.
        count = Math.Min(count, known.Count);
        return [.. Enumerable.Range(0, count).Select(i => known[(int)((long)i * known.Count / count)])];
    }

    private static IReadOnlyList<TrainingRow> ProbeOf(TrainingOptions options, Tokenizer? tokenizer, int vocabulary)
    {
        // All weights are trained: nothing of the base is left to compare with.
        if (options.Model.Method != FineTuneMethod.Lora)
            return [];
        if (options.Evaluation.ProbeFile is { } file)
            return RowsOf(file, options.Data.MaxLength, tokenizer, vocabulary);
        if (options.Evaluation.ProbesBuiltIn && tokenizer is not null)
            return [.. s_builtIn.Select(name => RowOf(Text(name), tokenizer))];
        return options.Evaluation.MaxForgetting is null ? [] : throw new ConfigurationException(
            "'max_forgetting' is given, and there is no text to measure forgetting on: the model has no tokenizer for "
            + "the built-in one. Give rows of tokens as 'probe', or leave 'max_forgetting' out.");
    }

    private static List<TrainingRow> RowsOf(string file, int maxLength, Tokenizer? tokenizer, int vocabulary)
    {
        using var data = TrainingData.Load(
            new DataOptions { Datasets = [file], MaxLength = maxLength }, 0, tokenizer, vocabulary,
            id => ModelSource.ResolveDataset(id, null));
        var rows = new List<TrainingRow>();
        var tokens = 0;
        foreach (var row in data.Train)
        {
            if (rows.Count > 0 && (tokens += row.Length) > TokensOfFile)
                break;
            rows.Add(row);
        }

        return rows;
    }

    private static TrainingRow RowOf(string text, Tokenizer tokenizer)
    {
        int[] ids = [.. tokenizer.Encode(text).Ids.Take(TokensOfBuiltInText)];
        return new TrainingRow(ids, ids);
    }

    private static string Text(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Lorikeet.Probe.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
