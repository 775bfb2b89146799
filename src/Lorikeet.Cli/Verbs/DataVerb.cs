using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Cli.Verbs;

/// <summary>
/// Shows what training reads, in rows and in numbers; writes data in other formats and shapes; divides it; makes it
/// of documents.
/// </summary>
internal sealed class DataVerb : CatalogVerb
{
    private const string Inspect = "inspect";
    private const string Stats = "stats";
    private const string Convert = "convert";
    private const string Split = "split";
    private const string Make = "make";

    private readonly Argument<string> _what = new("WHAT")
    { Description = "inspect, stats, convert or split: what is done with the rows; make: rows of documents" };

    public DataVerb() : base(
        "data", "See the rows as a model will, check them, convert and divide them, make them of documents.",
        OptionCatalog.Of<DataVerbOptions>(), "Print JSON: a line for each row of inspect, one object of the others.")
    {
        _what.AcceptOnlyFromAmong(Inspect, Stats, Convert, Split, Make);
        Add(_what);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("the first rows, by what is learned, read only, and cut off", "data inspect --dataset qa.jsonl --model DIR"),
        ("lengths, repetitions, leaks and rows that teach nothing",
            "data stats --dataset qa.jsonl --test_size 0.1 --model DIR"),
        ("Alpaca's columns as messages", "data convert --dataset alpaca.json --to_shape messages --output chats.jsonl"),
        ("a table as parquet", "data convert --dataset qa.csv --output qa.parquet"),
        ("two files, no question in both", "data split --dataset qa.jsonl --test_size 0.1 --output data"),
        ("questions and answers from PDF, Word, Markdown ...",
            "data make --from handbook --with http://127.0.0.1:8080/v1 --test_size 0.1 --output qa.jsonl"),
    ];

    public override IReadOnlyList<string> Essentials =>
        ["dataset", "model", "rows", "test_size", "output", "to_shape", "leave_out", "format", "seed",
            "from", "with", "with_model", "questions_per_passage", "passage_tokens", "concurrency"];

    public override int Run(Invocation call)
    {
        var options = Bind(call, new DataVerbOptions());
        var (view, data) = (options.View, options.Data);
        if (call.Arguments.GetValue(_what) == Make)
        {
            RequireOutput(view);
            return DocumentRows.Make(call, options, IsGiven(call, "guided"), IsJson(call));
        }

        if (data.Datasets.Count == 0)
            throw new ConfigurationException("No dataset is named. Name a file, a folder or a hub id with dataset.");
        using var dataset = Dataset.Load(data.Datasets, data with { TokenCache = TokenCacheMode.Off });
        switch (call.Arguments.GetValue(_what))
        {
            case Inspect:
                Show(call, dataset.Examine(ModelOf(view), view.Seed), view.Rows);
                break;
            case Stats:
                Count(call, dataset.Examine(ModelOf(view), view.Seed));
                break;
            case Convert:
                Write(call, dataset, view);
                break;
            default:
                Divide(call, dataset, view);
                break;
        }

        return 0;
    }

    private bool IsGiven(Invocation call, string name) =>
        Catalog.Read(call.Arguments).Any(setting => Catalog.Catalog.Find(setting.Name)?.Name == name);

    private static ModelFolder ModelOf(DataViewOptions view) => ModelFolder.Open(ModelSource.Resolve(
        view.Model ?? throw new ConfigurationException(
            "No model is named. Name the one that is to read the rows with 'model': its tokenizer decides their " +
            "tokens."),
        view.Revision));

    private void Show(Invocation call, TrainingData data, int rows)
    {
        var terminal = call.Terminal;
        if (!IsJson(call))
            terminal.Error.WriteLine($"{data.ShapeSummary}. {RowView.Legend(terminal)}");
        foreach (var row in data.Preview(rows))
        {
            if (IsJson(call))
                terminal.Out.WriteLine(JsonText.Line(RowView.ToJson(row)));
            else
                RowView.Write(terminal, row);
        }

        Say(terminal, data);
    }

    /// <summary>What train would say of the data.</summary>
    private static void Say(Terminal terminal, TrainingData data)
    {
        foreach (var warning in data.Warnings)
            terminal.Error.WriteLine(warning);
        if (data.Refusal is { } refusal)
            terminal.Error.WriteLine($"train would refuse this. {refusal}");
    }

    private void Count(Invocation call, TrainingData data)
    {
        if (IsJson(call))
        {
            call.Terminal.Out.WriteLine(JsonText.Line(DataReport.ToJson(data)));
            return;
        }

        DataReport.Write(call.Terminal, data);
        Say(call.Terminal, data);
    }

    private void Write(Invocation call, Dataset dataset, DataViewOptions view)
    {
        RequireOutput(view);
        OutputPlace.RequireFile("--output", view.Output);
        RequireApart(dataset, view.Output);
        var written = dataset.Convert(view.Output, view.ToShape, view.LeaveOut);
        if (IsJson(call))
        {
            call.Terminal.Out.WriteLine(JsonText.Line(new JsonObject
            {
                ["output"] = view.Output,
                ["from"] = WireNames.Of(written.From),
                ["to"] = WireNames.Of(written.To),
                ["rows"] = written.Rows,
                ["left_out"] = DataReport.ToJson(written.LeftOut),
            }));
            return;
        }

        call.Terminal.Out.WriteLine(
            $"{written.Rows:N0} rows of {WireNames.Of(written.From)} as {WireNames.Of(written.To)} in {view.Output}; " +
            "each was read back and says the same.");
        foreach (var dropped in written.LeftOut)
            call.Terminal.Error.WriteLine($"{dropped.Rows:N0} left out: {dropped.Reason} (first: {dropped.First}).");
    }

    private void Divide(Invocation call, Dataset dataset, DataViewOptions view)
    {
        RequireOutput(view);
        OutputPlace.RequireFolder("--output", view.Output, isReplaced: false);
        var format = "." + view.Format.TrimStart('.');
        foreach (var name in new[] { "train", "test" })
            RequireApart(dataset, Path.Combine(view.Output, name + format));
        var divided = dataset.Split(view.Output, view.Seed, format);
        call.Terminal.Out.WriteLine(IsJson(call)
            ? JsonText.Line(new JsonObject
            {
                ["train"] = divided.Train,
                ["train_rows"] = divided.TrainRows,
                ["test"] = divided.Test,
                ["test_rows"] = divided.TestRows,
            })
            : $"{divided.TrainRows:N0} rows to train on in {divided.Train}, {divided.TestRows:N0} held out in " +
                $"{divided.Test}; no question stands in both.");
    }

    private static void RequireOutput(DataViewOptions view)
    {
        if (view.Output.Length == 0)
            throw new ConfigurationException("No place is named for what is written. Give --output.");
    }

    private static void RequireApart(Dataset dataset, string output)
    {
        foreach (var source in dataset.Names.Where(Path.Exists))
            OutputPlace.RequireApart("--output", output, false, "the dataset", source);
    }
}
