using System.Text.Json;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Cli.Tests.Training;

/// <summary>Rows of token ids on their way from a golden to a file that <c>train</c> reads.</summary>
internal static class TokenRows
{
    /// <summary>Reads an int64 tensor as rows of its last dimension.</summary>
    public static IEnumerable<int[]> Read(string file, string tensor)
    {
        using var source = SafetensorsFile.Open(file);
        var length = (int)source.Require(tensor).Shape[^1];
        return [.. source.Span<long>(tensor).ToArray().Select(id => (int)id).Chunk(length)];
    }

    /// <summary>Writes jsonl with input_ids and labels.</summary>
    public static void Write(string path, IEnumerable<(int[] Ids, int[] Labels)> rows) => File.WriteAllLines(
        path, rows.Select(row => JsonSerializer.Serialize(new { input_ids = row.Ids, labels = row.Labels })));
}
