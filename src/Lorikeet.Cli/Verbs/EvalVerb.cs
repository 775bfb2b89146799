using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Data.Datasets;
using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Generation;
using Spectre.Console;

namespace Lorikeet.Cli.Verbs;

/// <summary>Measures a model on questions with known answers.</summary>
internal sealed class EvalVerb : InferenceVerb<EvalOptions>
{
    public EvalVerb() : base(
        "eval", "Measure answers: exact match and F1 as SQuAD defines them, ROUGE-L, perplexity.",
        "Print one JSON object; exact_match, f1 and rouge_l are percentages.")
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a fine-tuned model beside its base", "eval --adapter runs/facts/adapter --dataset eval.jsonl --compare_base"),
        ("a hundred questions of SQuAD, every answer kept",
            "eval --model DIR --dataset xquad.vi.json --max_eval_samples 100 --predictions answers.jsonl"),
    ];

    public override int Run(Invocation call)
    {
        var (_, terminal, interruption) = call;
        var options = Bind(call, new EvalOptions());
        if (options.Questions.CompareBase && options.Model.Adapters.Count == 0)
            throw new ConfigurationException(
                "compare_base is given without an adapter to compare with its base. Give --adapter, or leave it out.");

        using var model = Load(call, options);
        var generation = Bind(call, new EvalOptions { Generation = GreedyDefaultsOf(model, call) }).Generation;
        List<string?> adapters = options.Model.Combine.Count > 0 || model.Adapters.Names.Count < 2
            ? [model.Adapters.Active]
            : [.. model.Adapters.Names];
        var (lines, outcomes) = (new List<string>(), new JsonArray());
        foreach (var adapter in adapters)
        {
            model.Adapters.Activate(adapter);
            var outcome =
                Measure(model, Questions(options, model, terminal), generation, options.Questions.CompareBase,
                    interruption.Token);
            lines.AddRange(outcome.ToLines(adapters.Count > 1 ? adapter : null));
            outcomes.Add(
                outcome.ToJson(model.Folder, adapters.Count > 1 ? adapter : model.Adapters.ActiveFolder ?? adapter));
            if (IsJson(call))
                continue;
            if (adapters.Count > 1)
                terminal.Out.WriteLine($"Adapter '{adapter}'");
            Show(terminal, outcome, options.Questions.Shown);
        }

        if (options.Questions.Predictions is { } file)
            AtomicFile.WriteText(file, string.Concat(lines.Select(line => line + "\n")));
        if (IsJson(call))
            terminal.Out.WriteLine(JsonText.Indented(outcomes is [var only] ? only! : outcomes));
        return 0;
    }

    /// <summary>The questions as the acting adapter is asked them.</summary>
    private static EvaluationSet Questions(EvalOptions options, LanguageModel model, Terminal terminal)
    {
        var set = EvaluationSet.Load(
            options.Questions.ToDataOptions(), model.Tokenizer, model.Decoder.Config.VocabularySize,
            options.Questions.ChatTemplate is null ? model.TrainedFormat : null,
            id => ModelSource.ResolveDataset(id, options.Questions.DatasetRevision));
        foreach (var warning in set.Warnings)
            terminal.Error.WriteLine(warning);
        if (PromptFormatChoice.Warning(model, options.Questions.ChatTemplate) is { } otherwise)
            terminal.Error.WriteLine(otherwise);
        if (PositionsCheck.Warning(
            [.. set.Rows.Select(row => row.Length)], model.Decoder.Config.MaxPositions, "rows") is { } beyond)
            terminal.Error.WriteLine(beyond);
        return set;
    }

    private static EvaluationOutcome Measure(
        LanguageModel model, EvaluationSet set, GenerationOptions generation, bool compareBase,
        CancellationToken cancellation)
    {
        var evaluator = new AnswerEvaluator(model.Decoder, model.Tokenizer);
        var scores = evaluator.Evaluate(set, generation, cancellation);
        if (!compareBase)
            return new EvaluationOutcome(scores, null);
        using (model.WithoutAdapter())
            return new EvaluationOutcome(scores, evaluator.Evaluate(set, generation, cancellation));
    }

    private static void Show(Terminal terminal, EvaluationOutcome outcome, int answers)
    {
        var console = terminal.Data;
        AnswerTable.Write(console, outcome.Shown(answers), outcome.Base is not null);
        ScoreTable.Write(console, outcome.ToTable(), "Model");
        console.WriteLine($"{outcome.Scores.Answers.Count} questions, {outcome.Scores.Targets} answer tokens, " +
            $"{outcome.Scores.Seconds:F1} s");
    }
}
