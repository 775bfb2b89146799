using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Formats.Pickle;

/// <summary>
/// Writes a file that <c>torch.load(weights_only=True)</c> reads: a zip of one pickle (protocol 2) and the storages of
/// its tensors. The pickle holds containers, numbers, texts and tensors, and calls nothing but PyTorch's own
/// constructors.
/// </summary>
/// <remarks>Layout: torch <c>serialization.py</c>, _save; opcodes: CPython, Lib/pickletools.py.</remarks>
public sealed class TorchWriter
{
    private const string Folder = "archive/";

    private readonly MemoryStream _pickle;
    private readonly List<TensorToWrite> _storages = [];

    private TorchWriter(MemoryStream pickle) => _pickle = pickle;

    /// <summary>Writes an object; PyTorch reads it with <c>torch.load</c>.</summary>
    /// <param name="stream">Where to; it must be able to seek.</param>
    /// <param name="root">
    /// Null, bool, int, long, double, string, <see cref="PickleDictionary"/>, List of objects, <see
    /// cref="PickleTuple"/> or <see cref="TensorToWrite"/>, whose name is not used.
    /// </param>
    /// <exception cref="ArgumentException">A part of it is of another type.</exception>
    public static void Write(Stream stream, object? root)
    {
        using var pickle = new MemoryStream();
        var writer = new TorchWriter(pickle);
        writer.Op(0x80, 2);
        writer.Put(root);
        writer.Op('.');

        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        Add(zip, "data.pkl", pickle.WriteTo);
        Add(zip, "byteorder", file => file.Write("little"u8));
        for (var i = 0; i < writer._storages.Count; i++)
            Add(zip, $"data/{i}", writer._storages[i].Write);
        Add(zip, "version", file => file.Write("3\n"u8));
    }

    // PyTorch reads stored entries only, and takes the folder's name from the first one.
    private static void Add(ZipArchive zip, string name, Action<Stream> write)
    {
        using var file = zip.CreateEntry(Folder + name, CompressionLevel.NoCompression).Open();
        write(file);
    }

    private void Put(object? value)
    {
        switch (value)
        {
            case null:
                Op('N');
                break;
            case bool flag:
                Op(flag ? '\x88' : '\x89');
                break;
            case int number:
                Put((long)number);
                break;
            case long number:
                Integer(number);
                break;
            case double number:
                Real(number);
                break;
            case string text:
                Text(text);
                break;
            case TensorToWrite tensor:
                Tensor(tensor);
                break;
            case PickleTuple tuple:
                Tuple(tuple.Items);
                break;
            case List<object?> list:
                Op(']');
                Op('(');
                foreach (var item in list)
                    Put(item);
                Op('e');
                break;
            case PickleDictionary dictionary:
                Op('}');
                Op('(');
                foreach (var (key, item) in dictionary.Entries)
                {
                    Put(key);
                    Put(item);
                }

                Op('u');
                break;
            default:
                throw new ArgumentException(
                    $"A {value.GetType().Name} has no form in a file of plain tensors.", nameof(value));
        }
    }

    /// <summary>
    /// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks).
    /// </summary>
    private void Tensor(TensorToWrite tensor)
    {
        Global("torch._utils", "_rebuild_tensor_v2");
        Op('(');
        Storage(tensor);
        Put(0L);
        Tuple([.. tensor.Shape.Cast<object?>()]);
        Tuple([.. Strides(tensor.Shape).Cast<object?>()]);
        Put(false);
        Global("collections", "OrderedDict");
        Op(')');
        Op('R');
        Op('t');
        Op('R');
    }

    /// <summary>A persistent id: ('storage', class, key, location, size).</summary>
    private void Storage(TensorToWrite tensor)
    {
        Op('(');
        Text("storage");
        Global("torch", TorchGlobals.StorageClass(tensor.Type));
        Text($"{_storages.Count}");
        Text("cpu");
        Put(tensor.ByteCount / tensor.Type.ByteSize());
        Op('t');
        Op('Q');
        _storages.Add(tensor);
    }

    private static long[] Strides(long[] shape)
    {
        var strides = new long[shape.Length];
        var stride = 1L;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(1, shape[i]);
        }

        return strides;
    }

    private void Tuple(IReadOnlyList<object?> items)
    {
        Op('(');
        foreach (var item in items)
            Put(item);
        Op('t');
    }

    private void Global(string module, string name) => Op('c', Encoding.ASCII.GetBytes($"{module}\n{name}\n"));

    private void Integer(long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        if (number is >= int.MinValue and <= int.MaxValue)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, (int)number);
            Op('J', bytes[..4]);
            return;
        }

        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        Op(0x8a, 8); // LONG1
        _pickle.Write(bytes);
    }

    private void Real(double number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, number);
        Op('G', bytes);
    }

    private void Text(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        Op('X', length);
        _pickle.Write(utf8);
    }

    private void Op(char opcode, ReadOnlySpan<byte> argument = default)
    {
        _pickle.WriteByte((byte)opcode);
        _pickle.Write(argument);
    }

    private void Op(byte opcode, byte argument) => _pickle.Write([opcode, argument]);
}
