using System.Text;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Gguf.Blocks;
using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Fuzz.Mutation;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Fuzz.Targets;

/// <summary>Files of weights.</summary>
internal static class WeightTargets
{
    private static readonly string[] TensorWords =
    [
        "F32", "F16", "BF16", "U8", "I64", "BOOL", "F8_E4M3", "dtype", "shape", "data_offsets", "__metadata__",
        "weight_map", "a.safetensors", "b.safetensors", "..", "", "a", "model.norm.weight",
    ];

    public static IReadOnlyList<Target> All { get; } =
    [
        new("safetensors", new Mutator(TensorWords), Safetensors),
        new("index", new JsonMutator(TensorWords), Index),
        new("pickle", new PickleMutator(), Pickle),
        new("gguf", new Mutator([]), Gguf),
    ];

    private static void Safetensors(byte[] input, Workplace workplace)
    {
        using var file = SafetensorsFile.Open(workplace.Write("a.safetensors", input));
        ReadAll(file);
    }

    private static void Index(byte[] input, Workplace workplace)
    {
        foreach (var name in (string[])["a", "b"])
        {
            byte[] header = Encoding.UTF8.GetBytes(
                $"{{\"{name}\":{{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}}}");
            workplace.Write($"{name}.safetensors", [.. BitConverter.GetBytes((long)header.Length), .. header, 1]);
        }

        workplace.Write("model.safetensors.index.json", input);
        using var folder = ModelWeights.Open(workplace.Folder);
        ReadAll(folder);
    }

    private static void Pickle(byte[] input, Workplace workplace)
    {
        using var file = TorchFile.Open(workplace.Write("a.bin", input));
        ReadAll(file);
    }

    private static void Gguf(byte[] input, Workplace workplace)
    {
        var path = workplace.Write("a.gguf", input);
        using var file = GgufFile.Open(path);
        foreach (var tensor in file.Tensors.Values.Where(tensor => tensor.ByteCount > 0))
        {
            var block = file.Slice(tensor, tensor.ByteCount - tensor.Type.BlockBytes(), tensor.Type.BlockBytes());
            if (BlockFormats.CanDecode(tensor.Type))
                BlockFormats.Decode(tensor.Type, block, new float[tensor.Type.BlockSize()]);
        }

        ModelConfigFile.Load(path);
    }

    private static void ReadAll(ITensorSource source)
    {
        foreach (var (name, entry) in source.Tensors)
        {
            var target = new byte[Math.Min(entry.ByteCount, 64)];
            source.Read(name, 0, target);
            if (entry.ByteCount > 0)
                target[0] = source.Slice(name, entry.ByteCount - 1, 1)[0];
        }
    }
}
