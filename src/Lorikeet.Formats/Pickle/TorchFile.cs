using System.Runtime.InteropServices;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Formats.Pickle;

/// <summary>
/// A file of <c>torch.save</c> (<c>pytorch_model.bin</c>, <c>optimizer.pt</c>, <c>*.pt</c>), memory-mapped. Its pickle
/// is read as data and never executed.
/// </summary>
/// <remarks>
/// Tensors are found in nested dicts and lists; their names are the keys joined by dots (<c>state.0.exp_avg</c>).
/// Contiguous ones are read in place; others are copied once, outside the managed heap. What names and copies take is
/// bounded: a few bytes can say a tensor of terabytes (a stride of 0) or a name of megabytes.
/// </remarks>
public sealed unsafe class TorchFile : ITensorSource
{
    /// <summary>Nesting beyond this is not a checkpoint's.</summary>
    private const int DepthLimit = 64;

    // A tensor in two dictionaries.
    private const long EntrySize = 256;

    private readonly MappedFile _file;
    private readonly TorchArchive _archive;
    private readonly Dictionary<string, TorchTensor> _views = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<TorchTensor, nint> _copies = new(ReferenceEqualityComparer.Instance);
    private readonly Lock _lock = new();

    private TorchFile(MappedFile file)
    {
        _file = file;
        _archive = TorchArchive.Read(file);
        Collect("", _archive.Root, new HashSet<object>(ReferenceEqualityComparer.Instance), 0);
    }

    /// <summary>
    /// The saved object, as null, bool, long, BigInteger, double, string, byte[], List of objects, <see
    /// cref="PickleTuple"/>, <see cref="PickleDictionary"/>, <see cref="PickleGlobal"/> or <see cref="PickleObject"/>.
    /// Tensors stand in it as opaque objects; their elements are found by name in <see cref="Tensors"/>.
    /// </summary>
    public object? Root => _archive.Root;

    /// <summary>Names of code in the file that reading weights does not need; none of it was run.</summary>
    public IReadOnlyCollection<PickleGlobal> UnknownGlobals => _archive.UnknownGlobals;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>Opens any file of <c>torch.save</c>; objects of unknown classes become inert nodes.</summary>
    /// <param name="path">The file, in the zip layout (since PyTorch 1.6) or the older one.</param>
    /// <exception cref="CheckpointException">The file is missing, damaged or no PyTorch file.</exception>
    public static TorchFile Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            return new TorchFile(file);
        }
        catch (Exception fault)
        {
            file.Dispose();
            if (fault is not (FormatException or OverflowException or ArgumentException or ReadingLimitException))
                throw;
            throw new CheckpointException(
                $"'{path}' is not a valid PyTorch file: {fault.Message}. A file written by torch.save was expected. " +
                "Download it again, or convert the model to safetensors.", fault);
        }
    }

    /// <summary>Opens a file of weights, which has no use for code.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CheckpointException">
    /// As <see cref="Open"/>, or the pickle refers to anything but tensors.
    /// </exception>
    public static TorchFile OpenWeights(string path)
    {
        var file = Open(path);
        if (file.UnknownGlobals.Count == 0)
            return file;

        var names = string.Join(", ", file.UnknownGlobals.Select(global => $"'{global}'").Take(5));
        file.Dispose();
        throw new CheckpointException(
            $"'{path}' refers to {names}, which a file of weights does not need. Nothing of it was run, and the file " +
            "is refused because it may be malicious. Use a safetensors version of the model from a source you trust.");
    }

    /// <inheritdoc/>
    public byte* Pointer(string name)
    {
        this.Require(name);
        var view = _views[name];
        if (view.ElementCount == 0)
            return _file.At(0);
        return view.IsContiguous ? Start(view) : Copy(view);
    }

    /// <inheritdoc/>
    public void Read(string name, long offset, long length, byte* target)
    {
        this.Require(name);
        var view = _views[name];
        if (view.IsContiguous)
            _file.Read(FileOffset(view) + offset, length, target);
        else if (length > 0)
            Buffer.MemoryCopy(Copy(view) + offset, target, length, length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var copy in _copies.Values)
            NativeMemory.Free((void*)copy);
        _copies.Clear();
        _file.Dispose();
    }

    /// <summary>The path.</summary>
    public override string ToString() => _file.Path;

    private void Collect(string name, object? node, HashSet<object> seen, int depth)
    {
        if (node is TorchTensor tensor)
        {
            var bytes = checked(tensor.ElementCount * tensor.Type.ByteSize());
            _archive.Budget.Take(tensor.IsContiguous ? EntrySize : checked(EntrySize + bytes));
            _views[name] = tensor;
            _tensors[name] = new TensorEntry(name, tensor.Type, tensor.Shape, bytes);
            return;
        }

        // A pickle may refer to one container from many places, even from itself: each is walked once.
        if (node is null || depth > DepthLimit || !seen.Add(node))
            return;
        foreach (var (key, child) in Children(node))
        {
            _archive.Budget.Take(2L * (name.Length + key.Length));
            Collect(name.Length == 0 ? key : $"{name}.{key}", child, seen, depth + 1);
        }
    }

    private static IEnumerable<(string Key, object? Child)> Children(object node) => node switch
    {
        PickleDictionary dictionary => dictionary.Entries.Select(entry => (entry.Key.ToString() ?? "", entry.Value)),
        List<object?> list => list.Select((child, i) => ($"{i}", child)),
        PickleTuple tuple => tuple.Items.Select((child, i) => ($"{i}", child)),
        _ => [],
    };

    private byte* Start(TorchTensor view) => _file.At(FileOffset(view));

    private static long FileOffset(TorchTensor view) => view.Storage.FileOffset + view.Offset * view.Type.ByteSize();

    private byte* Copy(TorchTensor view)
    {
        lock (_lock)
        {
            if (!_copies.TryGetValue(view, out var copy))
            {
                var size = view.Type.ByteSize();
                copy = (nint)NativeMemory.Alloc(checked((nuint)(view.ElementCount * size)));
                _copies.Add(view, copy);
                var target = (byte*)copy;
                Gather(view, 0, Start(view), ref target);
            }

            return (byte*)copy;
        }
    }

    private static void Gather(TorchTensor view, int dimension, byte* source, ref byte* target)
    {
        var size = view.Type.ByteSize();
        if (dimension == view.Shape.Length)
        {
            Buffer.MemoryCopy(source, target, size, size);
            target += size;
            return;
        }

        for (var i = 0L; i < view.Shape[dimension]; i++)
            Gather(view, dimension + 1, source + i * view.Strides[dimension] * size, ref target);
    }
}
