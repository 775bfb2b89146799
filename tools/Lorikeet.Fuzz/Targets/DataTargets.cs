using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Reading;
using Lorikeet.Fuzz.Mutation;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Fuzz.Targets;

/// <summary>Files of data.</summary>
internal static class DataTargets
{
    private const int Rows = 200;

    private static readonly DatasetShape[] s_shapes = [.. Enum.GetValues<DatasetShape>().Except([DatasetShape.Auto])];

    private static readonly Lazy<Tokenizer> s_tokenizer = new(() =>
        Tokenizer.Load(Path.Combine(AppContext.BaseDirectory, "Seeds", "tokenizer-json", "bytelevel.json")));

    private static readonly string[] Words =
    [
        "question", "answer", "instruction", "output", "messages", "conversations", "from", "value", "role", "content",
        "user", "assistant", "system", "human", "gpt", "history", "weight", "choices", "label", "text", "answers",
        "tools", "input_ids", "labels", "prompt", "chosen", "rejected",
    ];

    private static readonly string[] TextWords =
        [
            "### Human: ", "### Assistant: ", "<|im_start|>user\n", "<|im_end|>", "[INST]", "[/INST]", "<s>", "\n",
            "\r", "\0", "\"", "\"\"", ",", ";", "\t", "\uFEFF", "question,answer\n"];

    public static IReadOnlyList<Target> All { get; } =
    [
        new(
            "jsonl", new JsonMutator(Words, isLines: true),
            (input, workplace) => Read(input, workplace.Write("a.jsonl", input))),
        new("json", new JsonMutator(Words), (input, workplace) => Read(input, workplace.Write("a.json", input))),
        new("csv", new Mutator(TextWords), (input, workplace) => Read(input, workplace.Write("a.csv", input))),
        new("txt", new Mutator(TextWords), (input, workplace) => Read(input, workplace.Write("a.txt", input))),
        new(
            "gzip", new GzipMutator(new JsonMutator(Words, isLines: true)),
            (input, workplace) => Read(input, workplace.Write("a.jsonl.gz", input))),
        new("parquet", new Mutator([]), (input, workplace) => Read(input, workplace.Write("a.parquet", input))),
        new(
            "dataset-card",
            new Mutator(
                [
                    "configs:\n", "- config_name: ", "data_files:\n", "- split: ", "path: ", "*", "**", "../", "[", "{",
                    "&a", "*a"]),
            Card),
    ];

    private static void Read(byte[] input, string path)
    {
        // A user may name any shape; each input is read as detected, and as one more.
        foreach (var shape in new[] { DatasetShape.Auto, s_shapes[input.Length % s_shapes.Length] })
        {
            try
            {
                var options = new DataOptions
                {
                    Datasets = [path],
                    Shape = shape,
                    MaxTrainRows = Rows,
                    TokenCache = TokenCacheMode.Off,
                };
                using var data = TrainingData.Load(
                    options, seed: 1, s_tokenizer.Value, s_tokenizer.Value.VocabularySize);
                _ = data.Questions.Take(1).Count();
            }
            catch (LorikeetException)
            {
                // one of the two answers asked for; the next shape is to be seen too
            }
        }
    }

    private static void Card(byte[] input, Workplace workplace)
    {
        workplace.Write("README.md", input);
        workplace.Write("a.jsonl", """{"text":"a"}"""u8.ToArray());
        _ = DatasetReader.Read(workplace.Folder, ["train"]).Take(Rows).Count();
    }
}
