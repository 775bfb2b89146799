using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Verification;

/// <summary>The rows that expected tensors were computed from: <c>input_ids</c> without what the mask hides.</summary>
internal sealed class ExpectedRows
{
    private readonly int[][] _kept;

    private ExpectedRows(int[][] ids, int[][] kept)
    {
        (Ids, _kept) = (ids, kept);
        Starts = new int[ids.Length + 1];
        for (var row = 0; row < ids.Length; row++)
            Starts[row + 1] = Starts[row] + kept[row].Length;
    }

    /// <summary>Token ids of every row as the file has them, padding included.</summary>
    public int[][] Ids { get; }

    /// <summary>Token ids that the model reads, all rows end to end.</summary>
    public int[] Flat => [.. Ids.SelectMany((row, i) => _kept[i].Select(at => row[at]))];

    /// <summary>Where each row begins in <see cref="Flat"/>, then its length.</summary>
    public int[] Starts { get; }

    /// <summary>Reads the rows of a file.</summary>
    /// <exception cref="CheckpointException">The file has no <c>input_ids</c>, or shapes that do not fit.</exception>
    public static ExpectedRows Read(ITensorSource file)
    {
        var ids = Matrix(file, "input_ids");
        if (ids.Length == 0 || ids[0].Length == 0)
            throw WrongShape(file, "input_ids", "at least one row of token ids");
        var all = Enumerable.Range(0, ids[0].Length).ToArray();
        if (!file.Tensors.ContainsKey("attention_mask"))
            return new ExpectedRows(ids, [.. ids.Select(_ => all)]);
        var mask = Matrix(file, "attention_mask");
        if (mask.Length != ids.Length || mask[0].Length != ids[0].Length)
            throw WrongShape(file, "attention_mask", $"[{ids.Length}, {ids[0].Length}], as input_ids");
        return new ExpectedRows(ids, [.. mask.Select(row => all.Where(at => row[at] != 0).ToArray())]);
    }

    /// <summary>Whole numbers in rows; a vector is one row.</summary>
    public static int[][] Matrix(ITensorSource file, string name)
    {
        var entry = file.Require(name);
        using var scope = NewDisposeScope();
        var numbers = TensorFile.Read(file, name).to_type(ScalarType.Int64);
        var width = entry.Shape.Length == 0 ? 1 : (int)entry.Shape[^1];
        var values = TensorMemory.Span<long>(numbers).ToArray();
        return [.. values.Select(value => checked((int)value)).Chunk(Math.Max(width, 1))];
    }

    /// <summary>
    /// Of a tensor [rows, positions, ...], the lines of positions that are not hidden: [tokens, ...].
    /// </summary>
    public Tensor Select(ITensorSource file, string name)
    {
        var entry = file.Require(name);
        if (entry.Shape.Length < 2 || entry.Shape[0] != Ids.Length || entry.Shape[1] != Ids[0].Length)
            throw WrongShape(file, name, $"[{Ids.Length}, {Ids[0].Length}, ...], as input_ids");
        using var scope = NewDisposeScope();
        var width = Ids[0].Length;
        var lines = _kept.SelectMany((row, i) => row.Select(at => (long)(i * width + at))).ToArray();
        var stored = TensorFile.Read(file, name).flatten(0, 1);
        return stored.index_select(0, tensor(lines)).MoveToOuterDisposeScope();
    }

    private static CheckpointException WrongShape(ITensorSource file, string name, string expected) => new(
        $"'{name}' has the shape {file.Tensors[name]}. {expected} was expected in '{file}'. Write the file again.");
}
