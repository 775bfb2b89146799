using System.IO.Compression;
using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Reading;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Tests.Data;

/// <summary>Small data files in a folder of their own, and the embedded model's tokenizer to read them with.</summary>
public sealed class DataFixture : IDisposable
{
    private static readonly Lazy<Tokenizer> Nano =
        new(() => Tokenizer.Load(Path.Combine(TestAssets.Root, "assets", "nano-base")));

    private readonly TemporaryFolder _folder = new();

    /// <summary>A SentencePiece tokenizer with byte fallback: 1 begins, 2 ends.</summary>
    public static Tokenizer Tokenizer => Nano.Value;

    public string Folder => _folder.Path;

    /// <summary>Writes a file and returns its path.</summary>
    public string Write(string name, string content)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (!name.EndsWith(".gz", StringComparison.Ordinal))
        {
            File.WriteAllText(path, content);
            return path;
        }
        using var file = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        file.Write(System.Text.Encoding.UTF8.GetBytes(content));
        return path;
    }

    /// <summary>The rows of a file as JSON, one a line.</summary>
    public static string[] Rows(string source, params string[] splits) =>
        [
            .. DatasetReader.Read(source, splits.Length == 0 ? ["train"] : splits)
                .Select(row => row.Values.ToJsonString())];

    /// <summary>Loads a file with the fixture's tokenizer.</summary>
    public static TrainingData Load(string path, DataOptions? options = null) => TrainingData.Load(
        (options ?? new DataOptions()) with { Datasets = [path] },
        seed: 42,
        Tokenizer,
        Tokenizer.VocabularySize);

    /// <summary>A row as text, with what is learned in double brackets.</summary>
    public static string Show(TrainingRow row)
    {
        var text = "";
        for (var start = 0; start < row.Length;)
        {
            var isTarget = IsTarget(row, start);
            var end = start;
            while (end < row.Length && IsTarget(row, end) == isTarget)
                end++;

            // Decoded after the begin token, so that a piece keeps the space it begins with.
            var piece = start == 0 ? Tokenizer.Decode(row.Ids.AsSpan(0, end))
                : Tokenizer.Decode([5, .. row.Ids[start..end]])[Tokenizer.Decode([5]).Length..];
            text += isTarget ? $"⟦{piece}⟧" : piece;
            start = end;
        }
        return text;
    }

    private static bool IsTarget(TrainingRow row, int position) =>
        position > 0 && row.Labels[position] != TrainingRow.Ignored;

    public void Dispose() => _folder.Dispose();
}
