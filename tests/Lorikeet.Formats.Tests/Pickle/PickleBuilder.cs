using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Lorikeet.Formats.Tests.Pickle;

/// <summary>Writes the opcodes that PyTorch's pickles are made of (protocol 2).</summary>
internal sealed class PickleBuilder
{
    private readonly List<byte> _bytes = [0x80, 2];

    /// <summary>The pickle, ended.</summary>
    public byte[] ToArray() => [.. _bytes, (byte)'.'];

    public PickleBuilder Op(char opcode)
    {
        _bytes.Add((byte)opcode);
        return this;
    }

    public PickleBuilder Text(string text) =>
        Op('X').Raw(Int32(Encoding.UTF8.GetByteCount(text))).Raw(Encoding.UTF8.GetBytes(text));

    public PickleBuilder Number(int number) => Op('J').Raw(Int32(number));

    public PickleBuilder Tuple(params int[] numbers)
    {
        Op('(');
        foreach (var number in numbers)
            Number(number);
        return Op('t');
    }

    public PickleBuilder Global(string module, string name) =>
        Op('c').Raw(Encoding.ASCII.GetBytes($"{module}\n{name}\n"));

    /// <summary>The call that makes a tensor over a storage.</summary>
    public PickleBuilder Tensor(
        string storageClass, string key, int storageElements, int offset, int[] shape, int[] strides) =>
        Global("torch._utils", "_rebuild_tensor_v2").Op('(').Storage("torch", storageClass, key, storageElements)
            .Number(offset).Tuple(shape).Tuple(strides).Op('\x89').Op('}').Op('t').Op('R');

    public PickleBuilder Storage(string module, string storageClass, string key, int elements) =>
        Op('(').Text("storage").Global(module, storageClass).Text(key).Text("cpu").Number(elements).Op('t').Op('Q');

    /// <summary>A dict; each value is written by the action beside its key.</summary>
    public PickleBuilder Dictionary(params (string Key, Action<PickleBuilder> Value)[] items)
    {
        Op('}').Op('(');
        foreach (var (key, value) in items)
        {
            Text(key);
            value(this);
        }

        return Op('u');
    }

    /// <summary>A file in PyTorch's zip layout.</summary>
    public void WriteZip(
        string path, (string Key, byte[] Bytes)[] storages,
        CompressionLevel compression = CompressionLevel.NoCompression)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        Add("archive/data.pkl", ToArray());
        Add("archive/byteorder", "little"u8.ToArray());
        foreach (var (key, bytes) in storages)
            Add($"archive/data/{key}", bytes);

        void Add(string name, byte[] content)
        {
            using var stream = zip.CreateEntry(name, compression).Open();
            stream.Write(content);
        }
    }

    /// <summary>
    /// A file in the layout of PyTorch before 1.6: five pickles, then each storage after its element count.
    /// </summary>
    public void WriteLegacy(string path, params (string Key, int Elements, byte[] Bytes)[] storages)
    {
        byte[] magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];
        var keys = new PickleBuilder().Op(']').Op('(');
        foreach (var (key, _, _) in storages)
            keys.Text(key);
        var system = new PickleBuilder().Dictionary(("little_endian", value => value.Op('\x88')));
        File.WriteAllBytes(path,
        [
            .. magic, .. new PickleBuilder().Number(1001).ToArray(), .. system.ToArray(), .. ToArray(),
            .. keys.Op('e').ToArray(),
            .. storages.SelectMany(storage => BitConverter.GetBytes((long)storage.Elements).Concat(storage.Bytes)),
        ]);
    }

    private PickleBuilder Raw(byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    private static byte[] Int32(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
