using System.Text.Json.Nodes;
using Lorikeet.Documents.Reading;
using Lorikeet.Documents.Tests;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>Rows from documents, written by an endpoint over HTTP and by the embedded model.</summary>
public sealed class DataMakeTests : IDisposable
{
    private static readonly string s_model = Path.Combine(TestAssets.Root, "assets", "nano-base");
    private static readonly string s_samples = Path.Combine(TestAssets.Root, "samples", "documents");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The sequence of docs/documents.md, with a shorter training.</summary>
    [Fact]
    public async Task TwentyDocuments_BecomeAnAdapter_InOneSequence()
    {
        await using var endpoint = await ScriptedEndpoint.Start();

        var made = Cli.Succeed(
            "data", "make", "--from", s_samples, "--with", endpoint.Address.ToString(), "--test_size", "0.2",
            "--model", s_model, "--output", _folder["qa.jsonl"], "--json");
        var receipt = JsonNode.Parse(made.Output)!;
        Assert.Equal((20, 0), ((int)receipt["documents"]!, (int)receipt["failed"]!));
        Assert.Contains("OPENAI_API_KEY is not set", made.Error);
        Assert.True((bool)endpoint.Requests.First()["response_format"]!["json_schema"]!["strict"]!);
        foreach (var row in Rows("qa.jsonl").Concat(Rows("qa.heldout.jsonl")))
        {
            var source = Document.Read(Path.Combine(s_samples, (string)row["source"]!)).Text;
            Assert.Contains((string)row["quote"]!, source);
        }

        var trained = Cli.Succeed(
            "train", "--model", s_model, "--dataset", _folder["qa.jsonl"],
            "--eval_dataset", _folder["qa.heldout.jsonl"], "--load_in_4bit",
            "--max_steps", "2", "--per_device_train_batch_size", "2",
            "--gradient_accumulation_steps", "1", "--max_eval_samples", "2", "--eval_strategy", "no",
            "--sample_count", "0", "--output", _folder["run"]);
        Assert.DoesNotContain("leak", trained.Error);
        var question = (string)Rows("qa.jsonl").First()["question"]!;
        Assert.NotEmpty(Cli.Succeed(
            "generate", "--adapter", _folder["run/adapter"], "--prompt", question, "--max_new_tokens", "4").Output);
    }

    /// <summary>
    /// It was never taught to ask; its grammar alone makes the form, and quotes that stand in the passage.
    /// </summary>
    [Fact]
    public void EmbeddedModel_WritesRowsOfTheForm_AndCannotMisquote()
    {
        const string text = "Zinc has the symbol Zn. The atomic number of zinc is 30.";
        File.WriteAllText(_folder["zinc.txt"], text);

        var made = Cli.Succeed(
            "data", "make", "--from", _folder["zinc.txt"], "--with", s_model, "--passage_tokens", "64",
            "--questions_per_passage", "1", "--retries", "0", "--answer_support", "0", "--output", _folder["qa.jsonl"],
            "--json");

        var receipt = JsonNode.Parse(made.Output)!;
        var rejected = receipt["rejected"]!.AsObject();
        Assert.Equal((1, 1), ((int)receipt["passages"]!, (int)receipt["written"]!));
        Assert.False(rejected.ContainsKey("not_of_the_form") || rejected.ContainsKey("quote_not_found"), made.Output);
        var rows = (int)receipt["train"]! == 1 ? Rows("qa.jsonl") : Rows("qa.rejects.jsonl");
        Assert.Contains((string)Assert.Single(rows)["quote"]!, text);
    }

    [Theory]
    [InlineData("No documents are named.", "--with", "MODEL", "--output", "qa.jsonl")]
    [InlineData("Nobody is named who is to write.", "--from", "HERE", "--output", "qa.jsonl")]
    [InlineData("No place is named for what is written.", "--from", "HERE", "--with", "MODEL")]
    [InlineData("http://127.0.0.1:9/v1 does not say which models it has", "--from", "HERE", "--with",
        "http://127.0.0.1:9/v1", "--output", "OUT.jsonl")]
    public void Mistakes_AreSaid(string said, params string[] arguments)
    {
        var result = Cli.Run(["data", "make", .. arguments.Select(argument => argument
            .Replace("MODEL", s_model).Replace("HERE", s_samples).Replace("OUT", _folder["qa"]))]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(said, result.Error);
    }

    private IEnumerable<JsonObject> Rows(string name) =>
        File.ReadLines(_folder[name]).Select(line => JsonNode.Parse(line)!.AsObject());
}
