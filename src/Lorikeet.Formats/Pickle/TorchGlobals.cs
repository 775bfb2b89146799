using System.Text;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Formats.Pickle;

/// <summary>
/// The fixed list of names whose meaning is understood: what a file of plain tensors needs, and the like of which
/// <c>torch.load(weights_only=True)</c> allows. Everything else stays a <see cref="PickleGlobal"/>.
/// </summary>
internal static class TorchGlobals
{
    private static readonly Dictionary<string, SafetensorsType> StorageTypes = new()
    {
        ["torch.DoubleStorage"] = SafetensorsType.F64,
        ["torch.FloatStorage"] = SafetensorsType.F32,
        ["torch.HalfStorage"] = SafetensorsType.F16,
        ["torch.BFloat16Storage"] = SafetensorsType.BF16,
        ["torch.LongStorage"] = SafetensorsType.I64,
        ["torch.IntStorage"] = SafetensorsType.I32,
        ["torch.ShortStorage"] = SafetensorsType.I16,
        ["torch.CharStorage"] = SafetensorsType.I8,
        ["torch.ByteStorage"] = SafetensorsType.U8,
        ["torch.BoolStorage"] = SafetensorsType.Bool,
        ["torch.ComplexFloatStorage"] = SafetensorsType.C64,
    };

    private static readonly Dictionary<string, SafetensorsType> ElementTypes = new()
    {
        ["torch.float64"] = SafetensorsType.F64,
        ["torch.float32"] = SafetensorsType.F32,
        ["torch.float16"] = SafetensorsType.F16,
        ["torch.bfloat16"] = SafetensorsType.BF16,
        ["torch.float8_e4m3fn"] = SafetensorsType.F8_E4M3,
        ["torch.float8_e5m2"] = SafetensorsType.F8_E5M2,
        ["torch.float8_e8m0fnu"] = SafetensorsType.F8_E8M0,
        ["torch.int64"] = SafetensorsType.I64,
        ["torch.int32"] = SafetensorsType.I32,
        ["torch.int16"] = SafetensorsType.I16,
        ["torch.int8"] = SafetensorsType.I8,
        ["torch.uint8"] = SafetensorsType.U8,
        ["torch.uint16"] = SafetensorsType.U16,
        ["torch.uint32"] = SafetensorsType.U32,
        ["torch.uint64"] = SafetensorsType.U64,
        ["torch.bool"] = SafetensorsType.Bool,
        ["torch.complex64"] = SafetensorsType.C64,
    };

    private static readonly Dictionary<string, Func<IReadOnlyList<object?>, object?>> Functions = new()
    {
        ["collections.OrderedDict"] = OrderedDict,
        ["torch._utils._rebuild_tensor"] = RebuildTensor,
        ["torch._utils._rebuild_tensor_v2"] = RebuildTensor,
        ["torch._utils._rebuild_tensor_v3"] = RebuildTypedTensor,
        ["torch._utils._rebuild_parameter"] = First,
        ["torch._utils._rebuild_parameter_with_state"] = First,
        ["torch.nn.parameter.Parameter"] = First,
        ["torch._tensor._rebuild_from_type_v2"] = RebuildFromType,
        ["torch.Size"] = First,
        ["_codecs.encode"] = Encode,
    };

    private static readonly string[] Names =
        ["torch.storage.UntypedStorage", "torch.UntypedStorage", "torch.device", "torch.Tensor",
            "torch._tensor.Tensor"];

    /// <summary>The class in module torch whose storages hold elements of a type.</summary>
    public static string StorageClass(SafetensorsType type) =>
        StorageTypes.FirstOrDefault(pair => pair.Value == type).Key?.Split('.')[^1]
        ?? throw new ArgumentOutOfRangeException(nameof(type), type, "PyTorch has no typed storage of it.");

    public static bool IsKnown(PickleGlobal global)
    {
        var name = global.ToString();
        return Functions.ContainsKey(name) || StorageTypes.ContainsKey(name) || ElementTypes.ContainsKey(name)
            || Names.Contains(name);
    }

    /// <summary>
    /// What the call of a known function stands for; an inert <see cref="PickleObject"/> for any other.
    /// </summary>
    public static object? Call(object? callable, object? arguments)
    {
        if (callable is not PickleGlobal global || arguments is not PickleTuple { Items: var items }
            || !Functions.TryGetValue(global.ToString(), out var function))
        {
            return new PickleObject(callable, arguments);
        }

        using var level = DepthGuard.Enter();
        return function(items);
    }

    /// <summary>
    /// A storage from what PyTorch writes as its persistent id: ('storage', class, key, location, size).
    /// </summary>
    public static TorchStorage Storage(object? persistentId)
    {
        if (persistentId is not PickleTuple { Items: ["storage", PickleGlobal type, string key, _, long size, ..] }
            || size < 0)
            throw NotPyTorchs("a storage");
        return StorageTypes.TryGetValue(type.ToString(), out var elementType)
            ? new TorchStorage(key, elementType, size)
            : new TorchStorage(key, null, size);
    }

    private static object? First(IReadOnlyList<object?> arguments) =>
        arguments is [var first, ..] ? first : throw NotPyTorchs("a parameter or size");

    /// <summary>Arguments: storage, offset, size, stride, and what only autograd needs.</summary>
    private static object? RebuildTensor(IReadOnlyList<object?> arguments) =>
        arguments is [TorchStorage { Type: { } type } storage, long offset, PickleTuple size, PickleTuple stride, ..]
            ? Tensor(storage, type, offset, Sizes(size), Sizes(stride))
            : throw NotPyTorchs("a tensor");

    /// <summary>
    /// As <see cref="RebuildTensor"/> on an untyped storage; the seventh argument is the element type.
    /// </summary>
    private static object? RebuildTypedTensor(IReadOnlyList<object?> arguments)
    {
        if (arguments is not [TorchStorage storage, long offset, PickleTuple size, PickleTuple stride, _, _,
            PickleGlobal name, ..])
            throw NotPyTorchs("a tensor");
        return ElementTypes.TryGetValue(name.ToString(), out var type)
            ? Tensor(storage, type, offset, Sizes(size), Sizes(stride))
            : throw new FormatException($"the element type {name} is not supported");
    }

    private static TorchTensor Tensor(
        TorchStorage storage, SafetensorsType type, long offset, long[] shape, long[] strides)
    {
        if (offset < 0 || shape.Length != strides.Length || shape.Length > ReadingLimits.Rank)
            throw NotPyTorchs("a tensor");
        var tensor = new TorchTensor(storage, type, offset, shape, strides);
        if (checked(tensor.Reach * type.ByteSize()) > storage.ByteCount)
        {
            throw new FormatException(
                $"a tensor of shape [{string.Join(", ", shape)}] reaches over the {storage.ByteCount} bytes of " +
                $"storage '{storage.Key}'");
        }

        return tensor;
    }

    private static long[] Sizes(PickleTuple tuple) =>
        [.. tuple.Items.Select(item => item is long size and >= 0 ? size : throw NotPyTorchs("a size"))];

    private static object? RebuildFromType(IReadOnlyList<object?> arguments) =>
        arguments is [var function, _, var inner, ..] ? Call(function, inner) : throw NotPyTorchs("a tensor");

    private static object? OrderedDict(IReadOnlyList<object?> arguments)
    {
        var dictionary = new PickleDictionary();
        foreach (var pair in arguments is [List<object?> pairs, ..] ? pairs : [])
        {
            var items = pair is PickleTuple tuple ? tuple.Items : pair as List<object?>;
            if (items is not [{ } key, var value])
                throw NotPyTorchs("an ordered dict");
            dictionary.Entries[key] = value;
        }

        return dictionary;
    }

    /// <summary>Bytes in protocol 2, where Python writes them as Latin-1 text.</summary>
    private static object? Encode(IReadOnlyList<object?> arguments) => arguments is [string text, "latin1", ..]
        ? Encoding.Latin1.GetBytes(text)
        : throw NotPyTorchs("a byte string");

    private static FormatException NotPyTorchs(string what) =>
        new($"{what} is described in a way that PyTorch does not write");
}
