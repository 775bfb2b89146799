using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;

namespace Lorikeet.Tests.Native;

/// <summary>A file of tensors around the sizes at which reading is divided among threads.</summary>
internal static class SlicedTensors
{
    private static readonly int[] s_sizes =
        [0, 1, 7, Slices.Bytes - 1, Slices.Bytes, Slices.Bytes + 1, 3 * Slices.Bytes + 5, 20 * Slices.Bytes];

    /// <summary>The tensor that lies at the end of the file, of many slices.</summary>
    public static string Last => Name(s_sizes.Length - 1);

    /// <summary>Writes it; the result is what it holds.</summary>
    public static IReadOnlyList<(string Name, byte[] Bytes)> Write(string path)
    {
        var random = new Random(1);
        List<(string Name, byte[] Bytes)> tensors = [];
        foreach (var size in s_sizes)
        {
            var bytes = new byte[size];
            random.NextBytes(bytes);
            tensors.Add((Name(tensors.Count), bytes));
        }

        SafetensorsWriter.Write(path, tensors.Select(tensor =>
            TensorToWrite.FromArray(tensor.Name, SafetensorsType.U8, [tensor.Bytes.Length], tensor.Bytes)));
        return tensors;
    }

    private static string Name(int index) => $"tensor{index}";
}
