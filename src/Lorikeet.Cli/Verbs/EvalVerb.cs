using System.CommandLine;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Evaluation;
using Lorikeet.Formats;
using Lorikeet.Generation;
using Lorikeet.Models;
using Spectre.Console;

namespace Lorikeet.Cli.Verbs;

/// <summary>Measures a model on questions with known answers.</summary>
internal sealed class EvalVerb : InferenceVerb<EvalOptions>
{
    private readonly Option<bool> _json = new("--json")
    {
        Description = "Print one JSON object; exact_match, f1 and rouge_l are percentages.",
    };

    public EvalVerb() : base("eval", "Measure answers: exact match and F1 as SQuAD defines them, ROUGE-L, perplexity.") => Add(_json);

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a fine-tuned model beside its base", "eval --adapter runs/facts/adapter --dataset eval.jsonl --compare_base"),
        ("a hundred questions of SQuAD, every answer kept",
            "eval --model DIR --dataset xquad.vi.json --max_eval_samples 100 --predictions answers.jsonl"),
    ];

    public override Task<int> RunAsync(ParseResult arguments, Interruption interruption)
    {
        var options = Bind(arguments, new EvalOptions());
        if (options.Questions.CompareBase && options.Model.Adapter is null)
            throw new ConfigurationException("compare_base is given without an adapter to compare with its base. Give --adapter, or leave it out.");

        using var model = Load(options);
        var generation = Bind(arguments, new EvalOptions { Generation = GreedyDefaultsOf(model, arguments) }).Generation;
        var set = EvaluationSet.Load(
            options.Questions.ToDataOptions(), model.Tokenizer, model.Decoder.Config.VocabularySize,
            options.Questions.ChatTemplate is null ? model.TrainedFormat : null, ModelSource.ResolveDataset);
        foreach (var warning in set.Warnings) Console.Error.WriteLine(warning);

        var outcome = Measure(model, set, generation, options.Questions.CompareBase, interruption.Token);
        if (options.Questions.Predictions is { } file)
            AtomicFile.WriteText(file, string.Concat(outcome.ToLines().Select(line => line + "\n")));
        if (arguments.GetValue(_json)) Console.Out.WriteLine(JsonText.Indented(outcome.ToJson(model.Folder, model.AdapterFolder)));
        else Show(outcome, options.Questions.Shown);
        return Task.FromResult(0);
    }

    private static EvaluationOutcome Measure(
        LoadedModel model, EvaluationSet set, GenerationOptions generation, bool compareBase, CancellationToken cancellation)
    {
        var evaluator = new AnswerEvaluator(model.Decoder, model.Tokenizer);
        var scores = evaluator.Evaluate(set, generation, cancellation);
        if (!compareBase) return new EvaluationOutcome(scores, null);
        model.Decoder.AdapterEnabled = false;
        return new EvaluationOutcome(scores, evaluator.Evaluate(set, generation, cancellation));
    }

    private static void Show(EvaluationOutcome outcome, int answers)
    {
        var console = Terminal.OfProcess().Data;
        AnswerTable.Write(console, outcome.Shown(answers), outcome.Base is not null);
        ScoreTable.Write(console, outcome.ToTable(), "Model");
        console.WriteLine($"{outcome.Scores.Answers.Count} questions, {outcome.Scores.Targets} answer tokens, {outcome.Scores.Seconds:F1} s");
    }
}
