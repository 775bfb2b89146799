using Lorikeet.Data;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Fuzz.Mutation;

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
        RowCells[] cells = [.. rows.Select(row => new RowCells(row, new Dictionary<string, string>()))];

        // A user may name any shape, and one row that fits is enough to be read by it.
        foreach (var shape in RowShape.All.Where(shape => cells.Any(shape.Fits)).Select(shape => shape.SeenIn(cells)))
        {
            foreach (var row in cells.Where(row => shape.MissingIn(row) is null))
                Try(() => shape.Read(row));
        }

        ShapeDetection.Detect(rows, DatasetShape.Auto, new Dictionary<string, string>());
    }

    private static void Try(Action read)
    {
        try
        {
            read();
        }
        catch (LorikeetException)
        {
            // one of the two answers asked for; the next row and shape are to be seen too
        }
    }

    private static void Card(byte[] input, Workplace workplace)
    {
        workplace.Write("README.md", input);
        workplace.Write("a.jsonl", """{"text":"a"}"""u8.ToArray());
        _ = DatasetReader.Read(workplace.Folder, ["train"]).Take(Rows).Count();
    }
}
