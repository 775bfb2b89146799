using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Reading;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Tests.Data;

/// <summary>Every real dataset at hand, from the file to labels, with Llama-2's own tokenizer.</summary>
public sealed class RealDatasetTests
{
    private static readonly Lazy<Tokenizer> Llama2 = new(
        () => Tokenizer.Load(TestAssets.Asset("tokenizers", "llama2")));

    public static TheoryData<string, int, DatasetShape, string> Datasets => new()
    {
        { "openassistant-guanaco.jsonl", 953, DatasetShape.Text, "guanaco" },
        { "alpaca_en_demo.json", 999, DatasetShape.Instruction, "alpaca" },
        { "lima.json", 1029, DatasetShape.Instruction, "alpaca" },
        { "dpo_en_demo.json", 300, DatasetShape.ShareGpt, "tokenizer" },
        { "glaive_toolcall_en_demo.json", 300, DatasetShape.ShareGpt, "tokenizer" },
        { "vi_alpaca_reduced_6.jsonl", 5000, DatasetShape.PromptCompletion, "tokenizer" },
        { "xquad.en.json", 1190, DatasetShape.QuestionAnswer, "squad" },
        { "xquad.vi.json", 1190, DatasetShape.QuestionAnswer, "squad" },
        { "gsm8k_test.jsonl", 1319, DatasetShape.QuestionAnswer, "tokenizer" },
        { "TruthfulQA.csv", 817, DatasetShape.QuestionAnswer, "tokenizer" },
        { "deita_subset_test_sft.parquet", 5, DatasetShape.Messages, "tokenizer" },
        { "wiki_demo.txt", 30, DatasetShape.Text, "verbatim" },
        { "commonsense/boolq", 9427, DatasetShape.Instruction, "alpaca" },
        { "commonsense/openbookqa", 4957, DatasetShape.Instruction, "alpaca" },
    };

    [Theory]
    [MemberData(nameof(Datasets))]
    public void Load_TakesEveryRow_AndLearnsItsEnd(string file, int rows, DatasetShape shape, string format)
    {
        var path = TestAssets.Asset("datasets", file);
        Assert.Equal(rows, DatasetReader.Read(path, ["train"]).Count());

        var data = Load(path);
        Assert.Equal(shape, data.Shape);
        Assert.Equal(format, data.Format.Name);
        Assert.Empty(data.TrainStatistics.Dropped);
        Assert.Equal(data.Train.Sum(row => row.TargetCount), data.TrainStatistics.TargetTokens);
        const int endToken = 2;
        Assert.Equal(
            data.TrainStatistics.RowsRead, data.Train.Count(row => row.Labels.Last(label => label >= 0) == endToken));
        Assert.All(data.Train, row => Assert.DoesNotContain(1, row.Ids.Skip(1)));
    }

    [Theory]
    [MemberData(nameof(Datasets))]
    public void Question_IsAskedWithTheTokensTrainingSaw(string file, int rows, DatasetShape shape, string format)
    {
        Assert.SkipWhen(file == "wiki_demo.txt", $"Plain text ({rows} documents, {shape}, {format}) has no questions.");
        var data = Load(TestAssets.Asset("datasets", file));
        var questions = data.Questions.ToArray();

        Assert.Equal(data.Train.Count, questions.Length);
        foreach (var (question, row) in questions.Zip(data.Train))
        {
            var prompt = question.PromptIds.Length;
            Assert.Equal(question.PromptIds, row.Ids[..prompt]);
            Assert.All(row.Labels[prompt..].Take(1), label => Assert.NotEqual(TrainingRow.Ignored, label));
            Assert.Equal(TrainingRow.Ignored, row.Labels[prompt - 1]);

            var answer = Llama2.Value.Decode(row.Labels[prompt..].TakeWhile(label => label > 2).ToArray());
            Assert.Equal(question.Answers[0].Trim(), answer.Trim());
        }
    }

    private static TrainingData Load(string path) => TrainingData.Load(
        new DataOptions { Datasets = [path], MaxLength = 100_000, MaxTrainRows = 200, Shuffle = false },
        seed: 42,
        Llama2.Value,
        vocabularySize: 32000);
}
