using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class DataVerbTests : IDisposable
{
    private static readonly string s_model = Path.Combine(TestAssets.Root, "assets", "nano-base");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Inspect_ShowsWhatIsLearned_AndWhatIsCutOff()
    {
        var rows = Write("""{"question":"Who?","answer":"I am the one who is asked here."}""");

        var whole = Run("inspect", "--dataset", rows, "--model", s_model);
        Assert.Contains($"{rows}:1: ", whole.Output);
        Assert.Contains("### Human: Who? ### Assistant:⟦ I am the one who is asked here.</s>⟧", whole.Output);
        Assert.StartsWith("question_answer (question, answer), format guanaco", whole.Error);

        var cut = Run("inspect", "--dataset", rows, "--model", s_model, "--max_length", "16");
        Assert.Contains("cut off", cut.Output);
        Assert.Contains("⟫", cut.Output);
    }

    [Fact]
    public void Inspect_AsJson_HasEveryTokenWithItsRole()
    {
        var rows = Write("""{"question":"Who?","answer":"I."}""", """{"question":"Where?","answer":"Here."}""");

        var lines = Run("inspect", "--dataset", rows, "--model", s_model, "--rows", "1", "--json").Output.Trim();

        var row = JsonNode.Parse(Assert.Single(lines.Split('\n')))!;
        var tokens = row["tokens"]!.AsArray();
        Assert.Equal(
            " I.</s>",
            string.Concat(tokens.Where(token => (string)token!["role"]! == "learned").Select(token => token!["text"])));
        Assert.Equal(1, (int)tokens[0]!["id"]!);
        Assert.Equal("read", (string)tokens[0]!["role"]!);
    }

    [Fact]
    public void Stats_CountsLengthsRepetitionsLeaksAndRowsThatTeachNothing()
    {
        var train = Write(
            """{"question":"Who?","answer":"I."}""", """{"question":"who","answer":"i"}""",
            """{"question":"Where?","answer":""}""");
        var eval = Path.Combine(_folder.Path, "eval.jsonl");
        File.WriteAllText(eval, """{"question":"WHO?","answer":"You."}""");
        string[] arguments = ["stats", "--dataset", train, "--eval_dataset", eval, "--model", s_model];

        var report = JsonNode.Parse(Run([.. arguments, "--json"]).Output)!;
        Assert.Equal("question_answer", (string)report["shape"]!);
        Assert.Equal(2, (int)report["train"]!["rows"]!);
        Assert.Equal("no answer", (string)report["train"]!["teach_nothing"]![0]!["reason"]!);
        Assert.Equal(1, (int)report["repeated"]!["count"]!);
        Assert.Equal($"{eval}:1", (string)report["leaks"]!["examples"]![0]!["row"]!);
        Assert.Equal(
            2, report["train"]!["lengths"]!.AsArray().Sum(bin => (int)bin!["rows"]!));
        Assert.Contains("have nothing to learn", (string)report["refusal"]!);

        var text = Run(arguments);
        Assert.Contains($"{train}:2 repeats {train}:1", text.Output);
        Assert.Contains("1 row teach nothing: no answer", text.Output.Replace("1 rows", "1 row"));
        Assert.Contains("train would refuse this.", text.Error);
    }

    [Fact]
    public void ConvertAndSplit_WriteWhatTrainReads()
    {
        var rows = Write([.. Enumerable.Range(0, 20).Select(i => $$"""{"question":"Q{{i}}","answer":"A{{i}}"}""")]);
        var table = Path.Combine(_folder.Path, "rows.parquet");

        Assert.StartsWith("20 rows of question_answer as instruction", Run(
            "convert", "--dataset", rows, "--to_shape", "alpaca", "--output", table).Output);
        var divided = JsonNode.Parse(Run(
            "split", "--dataset", table, "--test_size", "0.25", "--output", _folder["parts"], "--json").Output)!;

        Assert.Equal((15, 5), ((int)divided["train_rows"]!, (int)divided["test_rows"]!));
        Assert.Equal(15, File.ReadAllLines((string)divided["train"]!).Length);
        Assert.Contains("\"instruction\":\"Q", File.ReadAllText((string)divided["test"]!));
    }

    [Theory]
    [InlineData("No dataset is named.", "stats", "--model", "MODEL")]
    [InlineData("No model is named.", "stats", "--dataset", "ROWS")]
    [InlineData("No place is named for what is written.", "convert", "--dataset", "ROWS")]
    [InlineData("--output is 'a.doc'. A name that ends in", "convert", "--dataset", "ROWS", "--output", "a.doc")]
    [InlineData("--test_size says how many rows are held out", "split", "--dataset", "ROWS", "--output", "OUT")]
    [InlineData("--to_shape is text. Rows are written as", "convert", "--dataset", "ROWS", "--output", "OUT.json",
        "--to_shape", "text")]
    [InlineData("--output is ", "convert", "--dataset", "ROWS", "--output", "ROWS")]
    [InlineData("WHAT is 'shuffle'.", "shuffle")]
    public void Mistakes_AreSaid_AndNothingIsWritten(string said, params string[] arguments)
    {
        var rows = Write("""{"question":"Q","answer":"A"}""");
        var before = Directory.GetFileSystemEntries(_folder.Path);

        var result = Cli.Run(["data", .. arguments.Select(argument => argument
            .Replace("MODEL", s_model).Replace("ROWS", rows).Replace("OUT", _folder["out"]))]);

        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith(said, result.Error);
        Assert.Equal(before, Directory.GetFileSystemEntries(_folder.Path));
    }

    private (string Output, string Error) Run(params string[] arguments)
    {
        var result = Cli.Succeed(["data", .. arguments]);
        return (result.Output, result.Error);
    }

    private string Write(params string[] rows)
    {
        File.WriteAllText(_folder["rows.jsonl"], string.Join('\n', rows));
        return _folder["rows.jsonl"];
    }
}
