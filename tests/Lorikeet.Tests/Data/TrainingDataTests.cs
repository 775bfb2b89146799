using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Prompts;

namespace Lorikeet.Tests.Data;

public sealed class TrainingDataTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    private string Questions(int count) => _data.Write("questions.jsonl", string.Concat(
        Enumerable.Range(0, count).Select(i => $"{{\"question\":\"What is {i}?\",\"answer\":\"number {i}\"}}\n")));

    private static string[] Shown(IEnumerable<TrainingRow> rows) => [.. rows.Select(DataFixture.Show)];

    [Theory]
    [InlineData(0.1, 10)]
    [InlineData(25, 25)]
    [InlineData(0.001, 1)]
    public void EvalSize_HoldsOutThatMany_TheSameForASeed(double size, int expected)
    {
        var path = Questions(100);
        var options = new DataOptions { HeldOut = size };
        var data = DataFixture.Load(path, options);
        var again = DataFixture.Load(path, options);

        Assert.Equal(expected, data.Eval.Count);
        Assert.Equal(100 - expected, data.Train.Count);
        Assert.Empty(Shown(data.Train).Intersect(Shown(data.Eval)));
        Assert.Equal(Shown(again.Eval), Shown(data.Eval));
        Assert.Equal(expected, data.Questions.Count());
    }

    [Theory]
    [InlineData("""{"question":"What is Q?","answer":"ROW"}""")]
    [InlineData("""{"messages":[{"role":"user","content":"Q?"},{"role":"assistant","content":"ROW"}]}""")]
    [InlineData("""{"text":"### Human: What is Q? ### Assistant: ROW"}""")]
    [InlineData("""{"input_ids":[1,Q,ROW],"labels":[-100,-100,ROW]}""")]
    public void EvalSize_NeverDividesRowsThatAskTheSame(string row)
    {
        var rows = Enumerable.Range(0, 60).Select(i => row.Replace("Q", $"{3 + i % 20}").Replace("ROW", $"{30 + i}"));
        var data = DataFixture.Load(
            _data.Write("rows.jsonl", string.Join('\n', rows)), new DataOptions { HeldOut = 10 });
        Assert.Equal((51, 9), (data.Train.Count, data.Eval.Count));
        Assert.DoesNotContain(data.Warnings, warning => warning.Contains("also trained on"));
    }

    [Theory]
    [InlineData(2, 4)]
    [InlineData(6, 4)]
    [InlineData(0.1, 4)]
    [InlineData(8, 8)]
    public void EvalSize_IsWholeQuestions_AndSaysSoWhereTheyAreOthersThanAskedFor(double size, int heldOut)
    {
        var rows = Enumerable.Range(0, 20).Select(i => $$"""{"question":"q{{i / 4}}?","answer":"a{{i % 4}}"}""");
        var data = DataFixture.Load(
            _data.Write("rows.jsonl", string.Join('\n', rows)), new DataOptions { HeldOut = size });
        Assert.Equal((20 - heldOut, heldOut), (data.Train.Count, data.Eval.Count));
        Assert.DoesNotContain(data.Warnings, warning => warning.Contains("also trained on"));
        Assert.Equal(size != heldOut, data.Warnings.Any(warning => warning.Contains($"{heldOut} rows held out")));
    }

    [Theory]
    [InlineData(
        """{"messages":[{"role":"assistant","content":"Hello, how can I help?"},{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]}""")]
    [InlineData(
        """{"messages":[{"role":"system","content":"S"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Q"},{"role":"assistant","content":"A"}]}""")]
    [InlineData("""{"text":"### Assistant: Hello ### Human: Q ### Assistant: A"}""")]
    public void ConversationsThatAnAssistantOpens_AreQuestionsOfTheirOwn(string row)
    {
        var rows = Enumerable.Range(0, 40).Select(i => row.Replace("Q", $"What is {i / 2}?"));
        var data = DataFixture.Load(
            _data.Write("rows.jsonl", string.Join('\n', rows)), new DataOptions { HeldOut = 10 });
        Assert.Equal(10, data.Eval.Count);
        string Asked(TrainingRow row) => DataFixture.Show(row).Split("What is")[1];
        Assert.Empty(data.Train.Select(Asked).Intersect(data.Eval.Select(Asked)));
    }

    [Fact]
    public void EvalSize_DividesRowsThatAllAskTheSame()
    {
        var rows = Enumerable.Range(0, 20).Select(i => $$"""{"question":"Write a poem.","answer":"{{i}}"}""");
        var data = DataFixture.Load(
            _data.Write("rows.jsonl", string.Join('\n', rows)), new DataOptions { HeldOut = 5 });
        Assert.Equal((15, 5), (data.Train.Count, data.Eval.Count));
    }

    [Fact]
    public void EvalSizeThatLeavesNothing_IsRefused() => Assert.Contains(
        "none would be left to train on",
        Assert.Throws<ConfigurationException>(
            () => DataFixture.Load(Questions(10), new DataOptions { HeldOut = 10 })).Message);

    [Fact]
    public void MaxRows_AreTheFirst_WithoutShuffle()
    {
        var data = DataFixture.Load(Questions(50), new DataOptions { MaxTrainRows = 2, Shuffle = false });
        Assert.Equal(
            [
                "<s> ### Human: What is 0? ### Assistant:⟦ number 0</s>⟧",
                "<s> ### Human: What is 1? ### Assistant:⟦ number 1</s>⟧"],
            Shown(data.Train));
        Assert.NotEqual(
            Shown(data.Train), Shown(DataFixture.Load(Questions(50), new DataOptions { MaxTrainRows = 2 }).Train));
    }

    [Theory]
    [InlineData("a.jsonl", "validation", false)]
    [InlineData("a.csv", "test[:10%]", false)]
    [InlineData("a.json", "validation", false)]
    [InlineData("validation.jsonl", "validation", true)]
    [InlineData("a.jsonl", "train[:1]", true)]
    public void SplitOfAPlainFile_IsRefused_UnlessTheFileIsIt(string name, string split, bool isTaken)
    {
        var path = _data.Write(name, name.EndsWith("csv", StringComparison.Ordinal) ? "question,answer\nQ,A\n"
            : name.EndsWith("json", StringComparison.Ordinal)
                ? """[{"question":"Q","answer":"A"}]"""
                : """{"question":"Q","answer":"A"}""");
        var options = new DataOptions { DatasetSplit = split };
        if (isTaken)
            Assert.Single(DataFixture.Load(path, options).Train);
        else
            Assert.Contains(
                "is one file", Assert.Throws<ConfigurationException>(() => DataFixture.Load(path, options)).Message);
    }

    [Fact]
    public void SeveralDatasets_AreJoinedInOrder()
    {
        var first = _data.Write("b.jsonl", """{"question":"A","answer":"1"}""");
        var second = _data.Write("a.csv", "question,answer\nB,2\n");
        var options = new DataOptions { Datasets = [first, second] };
        var data = TrainingData.Load(options, seed: 42, DataFixture.Tokenizer, DataFixture.Tokenizer.VocabularySize);
        Assert.Equal(["1", "2"], data.Questions.Select(question => question.Answers[0]));
    }

    [Fact]
    public void EvalDataset_SharesTheFormatOfTheTrainingData()
    {
        var train = _data.Write("train.jsonl", """{"text":"### Human: Hi\n### Assistant: Yo"}""");
        var eval = _data.Write("eval.jsonl", """{"question":"Hi","answer":"Yo"}""");
        var data = DataFixture.Load(train, new DataOptions { EvalDatasets = [eval] });
        Assert.Equal("<s> ### Human: Hi\n### Assistant:⟦ Yo</s>⟧", DataFixture.Show(data.Eval[0]));
        Assert.Contains(data.Warnings, warning => warning.Contains("1 of 1 row have a prompt that is also trained on"));
    }

    [Fact]
    public void FormatOfAnAdapter_IsKept_OrTheDataIsRefused()
    {
        var adapter = PromptFormats.Create("alpaca", DataFixture.Tokenizer);
        TrainingData Load(string path) => TrainingData.Load(
            new DataOptions { Datasets = [path] }, seed: 42,
            DataFixture.Tokenizer, DataFixture.Tokenizer.VocabularySize, null, adapter);

        Assert.Same(adapter, Load(Questions(1)).Format);
        var text = _data.Write("a.jsonl", """{"text":"### Human: Hi ### Assistant: Yo"}""");
        var fault = Assert.Throws<ConfigurationException>(() => Load(text));
        Assert.Contains("The text is in the format 'guanaco'", fault.Message);
    }

    [Fact]
    public void TrainOnAll_LearnsTheQuestionToo()
    {
        var data = DataFixture.Load(Questions(1), new DataOptions { TrainOn = TrainOn.All });
        Assert.Equal(data.Train[0].Ids, data.Train[0].Labels);
        Assert.Equal(2, data.Train[0].Ids[^1]);
    }

    [Fact]
    public void TrainOnAnswer_RefusesPlainText()
    {
        var path = _data.Write("a.txt", "Hanoi is a city.\n");
        var fault = Assert.Throws<DatasetException>(
            () => DataFixture.Load(path, new DataOptions { TrainOn = TrainOn.Answer }));
        Assert.Contains("a.txt:1 is plain text", fault.Message);
    }

    [Fact]
    public void AppendEos_CanBeTurnedOff_AndIsWarnedOf()
    {
        var data = DataFixture.Load(Questions(3), new DataOptions { AppendEos = false });
        Assert.All(data.Train, row => Assert.DoesNotContain(2, row.Ids));
        Assert.Contains(data.Warnings, warning => warning.Contains("Turn append_eos on"));
    }

    [Fact]
    public void EndThatIsWritten_IsNotAppendedAgain()
    {
        var path = _data.Write("a.jsonl", """{"text":"### Human: Hi ### Assistant: Yo</s>\n"}""");
        var row = DataFixture.Load(path).Train[0];
        Assert.Equal(1, row.Ids.Count(id => id == 2));
        Assert.Equal(2, row.Labels.Last(label => label != TrainingRow.Ignored));
    }

    [Fact]
    public void BeginThatIsWritten_IsNotDoubled()
    {
        var data = DataFixture.Load(_data.Write("a.jsonl", """{"text":"<s>[INST] Hi [/INST] Yo </s>"}"""));
        Assert.Equal([1], data.Train[0].Ids.Where(id => id == 1));
        Assert.Equal(1, data.TrainStatistics.SecondBegins);
        Assert.Contains(data.Warnings, warning => warning.Contains("the second one was removed"));
    }

    [Fact]
    public void LongPlainText_GoesOnInFurtherRows()
    {
        var text = string.Join(' ', Enumerable.Range(0, 200).Select(i => $"word{i}"));
        var whole = DataFixture.Load(_data.Write("a.txt", text), new DataOptions { MaxLength = 100_000 });
        var parts = DataFixture.Load(_data.Write("a.txt", text), new DataOptions { MaxLength = 64 });

        Assert.Equal(whole.Train[0].Ids, parts.Train.SelectMany(row => row.Ids));
        Assert.All(parts.Train, row => Assert.InRange(row.Length, 2, 64));
        Assert.Equal(1, parts.TrainStatistics.ContinuedDocuments);
        Assert.Equal(0, parts.TrainStatistics.TruncatedRows);
    }

    [Fact]
    public void LongAnswer_IsCutAndCounted()
    {
        var answer = string.Join(' ', Enumerable.Range(0, 200));
        var path = _data.Write("a.jsonl", $"{{\"question\":\"Q\",\"answer\":\"{answer}\"}}");
        var start = DataFixture.Load(path, new DataOptions { MaxLength = 64 });
        var end = DataFixture.Load(path, new DataOptions { MaxLength = 64, Truncation = TruncationMode.KeepEnd });

        Assert.Equal(64, start.Train[0].Length);
        Assert.StartsWith("<s> ### Human: Q ### Assistant:⟦", DataFixture.Show(start.Train[0]));
        Assert.Equal(1, start.TrainStatistics.TruncatedRows);
        Assert.Equal(64, end.Train[0].Length);
        Assert.Equal(1, end.Train[0].Ids[0]);
        Assert.EndsWith("199</s>⟧", DataFixture.Show(end.Train[0]));
    }

    [Fact]
    public void Truncation_CanDropOrRefuse()
    {
        var path = _data.Write("a.jsonl", $$"""
            {"question":"Q","answer":"A"}
            {"question":"Q","answer":"{{new string('x', 500)}}"}
            """);
        var dropped = DataFixture.Load(path, new DataOptions { MaxLength = 64, Truncation = TruncationMode.Drop });
        Assert.Single(dropped.Train);
        Assert.Equal("longer than max_length", Assert.Single(dropped.TrainStatistics.Dropped).Reason);

        var refused = Assert.Throws<DatasetException>(
            () => DataFixture.Load(path, new DataOptions { MaxLength = 64, Truncation = TruncationMode.Error }));
        Assert.Contains("a.jsonl:2 has", refused.Message);
    }

    [Fact]
    public void AnswersBeyondTheLimit_AreAnError_NotASilentLoss()
    {
        var path = _data.Write("a.jsonl", $"{{\"question\":\"{new string('x', 500)}\",\"answer\":\"A\"}}");
        var fault = Assert.Throws<DatasetException>(() => DataFixture.Load(path, new DataOptions { MaxLength = 64 }));
        Assert.Contains("no answer left within max_length: 1 row, first", fault.Message);
        Assert.Contains("raise max_length", fault.Message);
    }

    [Theory]
    [InlineData(3, true)]
    [InlineData(6, false)]
    public void FewRowsWithoutAnAnswer_AreLeftOut_ManyAreAnError(int empty, bool isTolerated)
    {
        var rows = Enumerable.Range(0, 100)
            .Select(i => $"{{\"question\":\"Q{i}\",\"answer\":\"{(i < empty ? "" : "A")}\"}}");
        var path = _data.Write("a.jsonl", string.Join('\n', rows));
        if (isTolerated)
        {
            var data = DataFixture.Load(path);
            Assert.Equal(100 - empty, data.Train.Count);
            Assert.Contains(data.Warnings, warning => warning.Contains("3 rows left out: no answer (first:"));
        }
        else
        {
            var fault = Assert.Throws<DatasetException>(() => DataFixture.Load(path));
            Assert.Contains($"{empty} of 100 rows have nothing to learn", fault.Message);
        }
    }

    [Fact]
    public void EmptyFile_IsAnError() => Assert.Contains(
        "holds no rows", Assert.Throws<DatasetException>(() => DataFixture.Load(_data.Write("a.jsonl", "\n"))).Message);

    [Fact]
    public void Statistics_CountWhatWasLoaded()
    {
        var path = _data.Write("a.jsonl", """
            {"input_ids":[1,5,6,2],"labels":[-100,-100,6,2]}
            {"input_ids":[1,5,6,2],"labels":[-100,-100,6,2]}
            {"input_ids":[1,5,6,7,8,9],"labels":[1,5,6,7,8,9]}
            """);
        var statistics = DataFixture.Load(path).TrainStatistics;

        Assert.Equal(
            (3, 3, 14L, 9L), (statistics.RowsRead, statistics.Rows, statistics.Tokens, statistics.TargetTokens));
        Assert.Equal((6, 4), (statistics.LongestRow, statistics.MedianRow));
        Assert.Equal(1, statistics.DuplicateRows);
        Assert.Equal(2.0 / 3, statistics.EndingShare, 6);
    }

    [Fact]
    public void Preview_ShowsEachTokenAndWhetherItIsLearned()
    {
        var path = _data.Write("a.jsonl", """{"question":"Hi\nthere","answer":"Yo"}""");
        var preview = Assert.Single(DataFixture.Load(path).Preview(5));

        Assert.Equal(
            "<s> ### Human: Hi\nthere ### Assistant: Yo</s>",
            string.Concat(preview.Tokens.Select(token => token.Text)).Replace("<s> <s>", "<s>"));
        Assert.Equal(
            " Yo</s>", string.Concat(preview.Tokens.Where(token => token.IsTarget).Select(token => token.Text)));
    }

    [Fact]
    public void ChatTemplate_CannotBeGivenForTextThatIsRendered()
    {
        var path = _data.Write("a.jsonl", """{"text":"### Human: Hi ### Assistant: Yo"}""");
        var fault = Assert.Throws<ConfigurationException>(
            () => DataFixture.Load(path, new DataOptions { ChatTemplate = "alpaca" }));
        Assert.Contains("in the format 'guanaco' already", fault.Message);
    }

    [Fact]
    public void ChatTemplate_RendersWhateverHasAQuestion()
    {
        var data = DataFixture.Load(Questions(1), new DataOptions { ChatTemplate = "llama-2" });
        Assert.Equal("<s> [INST] What is 0? [/INST]⟦ number 0 </s>⟧", DataFixture.Show(data.Train[0]));
    }

    [Fact]
    public void TextWithoutATokenizer_IsRefused()
    {
        var options = new DataOptions { Datasets = [Questions(1)] };
        var fault = Assert.Throws<DatasetException>(() => TrainingData.Load(options, 42, null, 100));
        Assert.Contains("the model has no tokenizer", fault.Message);
    }
}
