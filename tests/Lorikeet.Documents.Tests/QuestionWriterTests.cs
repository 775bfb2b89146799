using System.Text.Json.Nodes;
using Lorikeet.Documents.Passages;
using Lorikeet.Documents.Questions;
using Lorikeet.Documents.Reading;
using Lorikeet.Testing;

namespace Lorikeet.Documents.Tests;

/// <summary>Rows made by an endpoint over real HTTP.</summary>
public sealed class QuestionWriterTests : IDisposable
{
    private static readonly CancellationToken s_test = TestContext.Current.CancellationToken;

    private readonly TemporaryFolder _folder = new();

    private string Output => _folder["qa.jsonl"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task TwentyDocuments_BecomeRows_WhoseQuotesStandInTheirSources()
    {
        await using var endpoint = await ScriptedEndpoint.Start();
        using var client = endpoint.Client();

        var receipt = await new QuestionWriter(client, new() { HeldOut = 0.2, Concurrency = 3 })
            .WriteAsync(ReadingTests.Samples, Output, cancellation: s_test);

        Assert.Equal((20, 0, 0), (receipt.Documents, receipt.Unreadable.Count, receipt.Failed));
        Assert.Equal(receipt.Written, receipt.Train + receipt.HeldOut + receipt.Rejected.Values.Sum());
        Assert.InRange(endpoint.MostAtOnce, 1, 3);
        Assert.Equal(endpoint.Requests.Count, receipt.Passages);
        Assert.Equal((7 * receipt.Passages, 5 * receipt.Passages), (receipt.InputTokens, receipt.OutputTokens));
        var (train, heldOut) = (Rows(Output), Rows(receipt.HeldOutFile!));
        Assert.Equal((receipt.Train, receipt.HeldOut), (train.Count, heldOut.Count));
        Assert.Equal(20, train.Concat(heldOut).Select(Source).Distinct().Count());
        Assert.All(train.Concat(heldOut), RequireItsQuote);
        Assert.Empty(train.Select(Source).Intersect(heldOut.Select(Source)));
        Assert.True(heldOut.Count >= 0.2 * (train.Count + heldOut.Count));
    }

    [Fact]
    public async Task WhatIsNotSupported_IsRejected_EachWithItsReason()
    {
        const string text = "Huế lies on the Perfume River. The “old” citadel – built in 1805 – has ten gates.";
        File.WriteAllText(_folder["a.txt"], text);
        await using var endpoint = await ScriptedEndpoint.Start((_, _) => $$"""
            Here they are:
            ```json
            {"rows": [
              {"quote": "The \"old\"  citadel - built in 1805", "question": "When was the citadel of Huế built?", "answer": "1805"},
              {"quote": "Huế lies on", "question": "WHEN was the citadel of  Hu\u00ea\u0301 built", "answer": "1805"},
              {"quote": "Huế lies on the Red River", "question": "Where is Huế?", "answer": "Red River"},
              {"quote": "ten gates", "question": "How many gates has it?", "answer": ""},
              {"quote": "ten gates", "question": " ", "answer": "ten"},
              {"quote": "ten gates", "question": "How many doors are there?", "answer": "12 gates"},
              {"quote": "ten gate", "question": "How many doors has it?", "answer": "ten"},
              {"quote": "ten gates", "question": "What does the passage say of gates?", "answer": "ten gates"},
              {"quote": "ten gates", "question": "Is it known?", "answer": "Not mentioned."},
            ]}
            ```
            """);
        using var client = endpoint.Client();

        var receipt = await new QuestionWriter(client).WriteAsync(_folder.Path, Output, cancellation: s_test);

        Assert.Equal((1, 9), (receipt.Train, receipt.Written));
        Assert.Equal(
            new Dictionary<RejectReason, int>
            {
                [RejectReason.NoQuestion] = 1,
                [RejectReason.NoAnswer] = 2,
                [RejectReason.QuoteNotFound] = 2,
                [RejectReason.AnswerNotSupported] = 1,
                [RejectReason.NotSelfContained] = 1,
                [RejectReason.RepeatedQuestion] = 1,
            },
            receipt.Rejected.OrderBy(pair => pair.Key).ToDictionary());
        var row = Assert.Single(Rows(Output));
        Assert.Equal("The “old” citadel – built in 1805", (string)row["quote"]!);
        Assert.Equal(text.IndexOf("The “old”", StringComparison.Ordinal), (int)row["quote_start"]!);
        Assert.Equal(8, Rows(receipt.RejectsFile!).Count);
        Assert.All(Rows(receipt.RejectsFile!), reject => Assert.NotNull(reject["reason"]));
        var written = JsonNode.Parse(File.ReadAllText(_folder["qa.receipt.json"]))!;
        Assert.Equal(1, (int)written["rejected"]!["answer_not_supported"]!);
    }

    [Fact]
    public async Task AnswersThatAreNotOfTheForm_AreAskedForAgain()
    {
        File.WriteAllText(_folder["a.txt"], "The pump lifts water by 38 metres at most.");
        await using var endpoint = await ScriptedEndpoint.Start((request, number) => number switch
        {
            1 => "I would rather not.",
            2 => """{"rows": [{"quote": "It was never there.", "question": "Q?", "answer": "water"}]}""",
            _ => null,
        });
        using var client = endpoint.Client();

        var receipt = await new QuestionWriter(client).WriteAsync(_folder.Path, Output, cancellation: s_test);

        Assert.Equal(1, receipt.Train);
        var told = endpoint.Requests.Select(
            request => (string)request["messages"]!.AsArray()[^1]!["content"]!).ToList();
        Assert.Equal(3, told.Count);
        Assert.Contains("There is no JSON in it.", told[1]);
        Assert.Contains("None of these quotes", told[2]);
        Assert.Equal("json_schema", (string)endpoint.Requests.First()["response_format"]!["type"]!);
    }

    [Fact]
    public async Task FormThatNeverComes_IsAReject()
    {
        File.WriteAllText(_folder["a.txt"], "The pump lifts water by 38 metres at most.");
        await using var endpoint = await ScriptedEndpoint.Start((_, _) => "No.");
        using var client = endpoint.Client();

        var receipt = await new QuestionWriter(client, new() { Retries = 1 })
            .WriteAsync(_folder.Path, Output, cancellation: s_test);

        Assert.Equal((0, 2), (receipt.Train, endpoint.Requests.Count));
        Assert.Equal(1, receipt.Rejected[RejectReason.NotOfTheForm]);
    }

    /// <summary>A run that is ended, its last line torn, goes on: the files are those of one that never was.</summary>
    [Fact]
    public async Task EndedRun_GoesOn_AndComesToTheSame()
    {
        await using var endpoint = await ScriptedEndpoint.Start();
        using var client = endpoint.Client();
        var documents = Path.Combine(ReadingTests.Samples, "vi");
        var options = new QuestionWriterOptions { HeldOut = 0.2, Concurrency = 2 };
        var whole = await new QuestionWriter(client, options)
            .WriteAsync(documents, _folder["whole.jsonl"], cancellation: s_test);
        var asked = endpoint.Requests.Count;

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(s_test);
        var progress = new Reporting(done => { if (done.Passages == 5) stop.Cancel(); });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new QuestionWriter(client, options)
            .WriteAsync(documents, Output, progress, stop.Token));
        Assert.False(File.Exists(Output));
        var journal = _folder["qa.asked.jsonl"];
        var kept = File.ReadAllLines(journal).Length;
        File.AppendAllText(journal, """{"Key":"half""");
        var before = endpoint.Requests.Count;
        var receipt = await new QuestionWriter(client, options)
            .WriteAsync(documents, Output, cancellation: s_test);

        Assert.True(kept >= 5);
        Assert.Equal((kept, asked - kept), (receipt.FromEarlierRuns, endpoint.Requests.Count - before));
        Assert.Equal(File.ReadAllText(_folder["whole.jsonl"]), File.ReadAllText(Output));
        Assert.Equal(File.ReadAllText(whole.HeldOutFile!), File.ReadAllText(receipt.HeldOutFile!));
    }

    [Fact]
    public async Task DocumentsThatCannotBeRead_AreLeftOut_AndTextThatRepeatsIsAskedAboutOnce()
    {
        File.WriteAllText(_folder["a.txt"], "The pump lifts water by 38 metres at most.");
        File.WriteAllText(_folder["b.txt"], "The pump lifts water by 38  metres at most!");
        File.WriteAllText(_folder["c.pdf"], "no pdf");
        await using var endpoint = await ScriptedEndpoint.Start();
        using var client = endpoint.Client();

        var receipt = await new QuestionWriter(client).WriteAsync(_folder.Path, Output, cancellation: s_test);

        Assert.Equal((2, 1, 1), (receipt.Documents, receipt.Passages, receipt.RepeatedPassages));
        Assert.Equal("c.pdf", Assert.Single(receipt.Unreadable).Source);
    }

    [Fact]
    public async Task EndpointThatFails_EndsTheRun_OrLeavesAPassageForTheNext()
    {
        foreach (var i in Enumerable.Range(0, 4))
            File.WriteAllText(_folder[$"{i}.txt"], $"The pump number {i} lifts water by 38 metres at most.");
        var isBroken = true;
        await using var endpoint = await ScriptedEndpoint.Start(
            status: number => isBroken || number == 4 ? 500 : 200);
        using var client = endpoint.Client();
        var writer = new QuestionWriter(client, new() { MaxFailures = 2, Concurrency = 1 });

        var fault = await Assert.ThrowsAsync<LorikeetException>(
            () => writer.WriteAsync(_folder.Path, Output, cancellation: s_test));
        Assert.StartsWith("2 passages in a row got no answer", fault.Message);
        Assert.False(File.Exists(Output));

        isBroken = false;
        Assert.Equal((3, 1), await Counts());
        Assert.Equal((4, 0), await Counts());

        async Task<(int, int)> Counts()
        {
            var receipt = await writer.WriteAsync(_folder.Path, Output, cancellation: s_test);
            return (receipt.Train, receipt.Failed);
        }
    }

    [Fact]
    public async Task RowsOfAnotherOrigin_AreNotOverwritten()
    {
        File.WriteAllText(Output, "mine");
        await using var endpoint = await ScriptedEndpoint.Start();
        using var client = endpoint.Client();

        await Assert.ThrowsAsync<ConfigurationException>(
            () => new QuestionWriter(client).WriteAsync(ReadingTests.Samples, Output, cancellation: s_test));
        await Assert.ThrowsAsync<ConfigurationException>(
            () => new QuestionWriter(client).WriteAsync(_folder["none"], _folder["b.jsonl"], cancellation: s_test));
        Assert.Equal("mine", File.ReadAllText(Output));
        Assert.Empty(endpoint.Requests);
    }

    [Theory]
    [InlineData("the cat sat", "concatenate the cat sat", 12)]
    [InlineData("cat", "concatenate", -1)]
    [InlineData("“Tiếng  Việt”", "nói tiếng Tiếng\nViệt", 10)]
    [InlineData("a...b", "x a…b", 2)]
    [InlineData("A B", "a b", -1)]
    [InlineData("…", "anything", -1)]
    public void Quotes_AreFoundInWholeWords(string quote, string text, int start) =>
        Assert.Equal(start, QuoteMatch.Find(text, quote)?.Start ?? -1);

    private static void RequireItsQuote(JsonObject row)
    {
        var (passage, quote) = ((string)row["source_text"]!, (string)row["quote"]!);
        Assert.Equal(quote, passage.Substring((int)row["quote_start"]!, quote.Length));
        Assert.Contains(passage, Document.Read(Path.Combine(ReadingTests.Samples, (string)row["source"]!)).Text);
    }

    private static string Source(JsonObject row) => (string)row["source"]!;

    private static List<JsonObject> Rows(string path) =>
        [.. File.ReadLines(path).Select(line => JsonNode.Parse(line)!.AsObject())];

    private sealed class Reporting(Action<QuestionProgress> report) : IProgress<QuestionProgress>
    {
        public void Report(QuestionProgress value) => report(value);
    }
}
