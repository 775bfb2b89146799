using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Fuzz.Mutation;
using Lorikeet.Options;

namespace Lorikeet.Fuzz.Targets;

/// <summary>Files of data.</summary>
internal static class DataTargets
{
    private const int Rows = 200;

    private static readonly string[] Words =
    [
        "question", "answer", "instruction", "output", "messages", "conversations", "from", "value", "role", "content", "user", "assistant",
        "system", "human", "gpt", "history", "weight", "choices", "label", "text", "answers", "tools", "input_ids", "labels", "prompt", "chosen", "rejected",
    ];

    private static readonly string[] TextWords =
        ["### Human: ", "### Assistant: ", "<|im_start|>user\n", "<|im_end|>", "[INST]", "[/INST]", "<s>", "\n", "\r", "\0", "\"", "\"\"", ",", ";", "\t", "\uFEFF", "question,answer\n"];

    public static IReadOnlyList<Target> All { get; } =
    [
        new("jsonl", new JsonMutator(Words, isLines: true), (input, workplace) => Read(workplace.Write("a.jsonl", input))),
        new("json", new JsonMutator(Words), (input, workplace) => Read(workplace.Write("a.json", input))),
        new("csv", new Mutator(TextWords), (input, workplace) => Read(workplace.Write("a.csv", input))),
        new("txt", new Mutator(TextWords), (input, workplace) => Read(workplace.Write("a.txt", input))),
        new("gzip", new GzipMutator(new JsonMutator(Words, isLines: true)), (input, workplace) => Read(workplace.Write("a.jsonl.gz", input))),
        new("parquet", new Mutator([]), (input, workplace) => Read(workplace.Write("a.parquet", input))),
        new("dataset-card", new Mutator(["configs:\n", "- config_name: ", "data_files:\n", "- split: ", "path: ", "*", "**", "../", "[", "{", "&a", "*a"]), Card),
    ];

    private static void Read(string path)
    {
        var rows = DatasetReader.Read(path, ["train"]).Take(Rows).ToList();
        if (rows.Count == 0)
            return;
        var shape = ShapeDetection.Detect(rows, DatasetShape.Auto, new Dictionary<string, string>());
        foreach (var row in rows)
            shape.Read(new RowCells(row, new Dictionary<string, string>()));
    }

    private static void Card(byte[] input, Workplace workplace)
    {
        workplace.Write("README.md", input);
        workplace.Write("a.jsonl", """{"text":"a"}"""u8.ToArray());
        _ = DatasetReader.Read(workplace.Folder, ["train"]).Take(Rows).Count();
    }
}
