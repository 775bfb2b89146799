using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Training.Loop;

/// <summary>Identifies a base model by its weights and configuration, in whatever folder it is.</summary>
public static unsafe class BaseFingerprint
{
    // Up to here every byte counts; of larger models pieces of every tensor do, which take no time to read.
    private const long WholeUpTo = 1L << 30;
    private const int Piece = 1 << 16;

    // What changes when the same weights are saved again.
    private static readonly string[] s_incidental = ["_name_or_path", "transformers_version"];

    /// <summary>The fingerprint, in hexadecimal digits.</summary>
    /// <param name="weights">
    /// The checkpoint; up to 1 GiB all of its bytes are read, of larger ones three pieces of every tensor.
    /// </param>
    /// <param name="configuration">Its config.json.</param>
    public static string Of(ITensorSource weights, JsonObject configuration)
    {
        var hash = new XxHash128();
        void AppendText(string text) => hash.Append(Encoding.UTF8.GetBytes(text + "\n"));

        var settings = configuration.DeepClone().AsObject();
        foreach (var name in s_incidental)
            settings.Remove(name);
        AppendText(settings.ToJsonString());
        var isWhole = weights.Tensors.Values.Sum(tensor => tensor.ByteCount) <= WholeUpTo;
        var buffer = new byte[Piece];
        foreach (var tensor in weights.Tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            AppendText($"{tensor.Name} {tensor.Type} {string.Join(',', tensor.Shape)}");
            foreach (var start in Starts(tensor.ByteCount, isWhole))
            {
                var piece = buffer.AsSpan(0, (int)Math.Min(Piece, tensor.ByteCount - start));
                fixed (byte* target = &MemoryMarshal.GetReference(piece))
                    weights.Read(tensor.Name, start, piece.Length, target);
                hash.Append(piece);
            }
        }

        return Checksum.Digits(hash);
    }

    private static IEnumerable<long> Starts(long bytes, bool isWhole)
    {
        if (isWhole || bytes <= 3 * Piece)
        {
            for (var start = 0L; start < bytes; start += Piece)
                yield return start;
            yield break;
        }

        yield return 0;
        yield return bytes / 2;
        yield return bytes - Piece;
    }
}
