using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Data;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Formats;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Generation;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Cli.Verbs;

/// <summary>Log-probabilities and loss of given rows.</summary>
internal sealed class ScoreVerb : InferenceVerb<ScoreOptions>
{
    public ScoreVerb() : base(
        "score", "Log-probabilities and loss of texts or token ids, row by row.",
        "Print one JSON object with loss, perplexity, targets and rows over all rows.")
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("how likely a model finds each text", "score --model DIR --input rows.jsonl --output scores.jsonl"),
        ("every logit, to compare with another library",
            "score --model DIR --input rows.jsonl --output scores.jsonl --logits logits.safetensors"),
    ];

    public override int Run(Invocation call)
    {
        var (_, terminal, _) = call;
        var options = Bind(call, new ScoreOptions());
        var input = options.Rows.Input
            ?? throw new ConfigurationException("Nothing is scored. Give --input FILE with rows of text or input_ids.");

        using var model = Load(call, options);
        var rows = DatasetReader.Read(input, ["test", "validation", "train"])
            .Select(row => ToScore(row, model.Tokenizer)).ToList();
        if (rows.Count == 0)
            throw new DatasetException($"'{input}' holds no rows. At least one was expected.");

        if (PositionsCheck.Warning(
            [.. rows.Select(row => row.Ids.Length)], model.Decoder.Config.MaxPositions, "rows") is { } beyond)
            terminal.Error.WriteLine(beyond);
        var clock = Stopwatch.StartNew();
        var scorer = new Scorer(model.Decoder);
        var scores = options.Rows.Logits is { } file ? scorer.Score(rows, file) : scorer.Score(rows);
        var lines = scores.Select((score, i) => Line(i, rows[i], score));
        var json = IsJson(call);
        if (options.Rows.Output is { } output)
            AtomicFile.WriteText(output, string.Concat(lines.Select(line => line + "\n")));
        else if (!json)
            foreach (var line in lines)
                terminal.Out.WriteLine(line);
        Summarise(terminal, scores, clock.Elapsed.TotalSeconds, json);
        return 0;
    }

    private static RowToScore ToScore(DataRow row, Tokenizer? tokenizer)
    {
        if (row.Values["input_ids"] is JsonArray)
            return RowIds.ReadToScore(row);
        if (row.Values["text"] is not JsonValue text || text.GetValueKind() != JsonValueKind.String)
            throw new DatasetException(
                $"{row.Origin}: the row has {string.Join(", ", row.Values.Select(cell => $"'{cell.Key}'"))}. "
                + "'text' or 'input_ids' was expected. Rename a column.");
        return tokenizer is null
            ? throw new ConfigurationException(
                "The model has no tokenizer, so text cannot be read. Put tokenizer.json or tokenizer.model into its "
                + "folder, or give rows of 'input_ids'.")
            : new RowToScore(new TextEncoder(tokenizer).EncodeText(text.GetValue<string>()));
    }

    private static string Line(int index, RowToScore row, RowScore score) => JsonText.Line(new JsonObject
    {
        ["row"] = index,
        ["input_ids"] = JsonText.Numbers(row.Ids),
        ["logprobs"] = new JsonArray([.. score.LogProbabilities.Select(value => (JsonNode?)value)]),
        ["loss"] = score.Loss,
        ["perplexity"] = score.Perplexity,
        ["targets"] = score.Targets,
    });

    private static void Summarise(Terminal terminal, IReadOnlyList<RowScore> scores, double seconds, bool json)
    {
        var targets = scores.Sum(score => (long)score.Targets);
        double? loss = targets == 0 ? null : scores.Sum(score => score.SummedLoss) / targets;
        double? perplexity = loss is { } mean ? Math.Exp(mean) : null;
        if (json)
        {
            terminal.Out.WriteLine(JsonText.Line(new JsonObject
            {
                ["rows"] = scores.Count,
                ["targets"] = targets,
                ["loss"] = loss,
                ["perplexity"] = perplexity,
                ["seconds"] = seconds,
            }));
        }
        else
        {
            terminal.Error.WriteLine(
                $"{scores.Count} rows, {targets} targets: loss {loss:F4}, perplexity {perplexity:F2} ({seconds:F1} s)");
        }
    }
}
