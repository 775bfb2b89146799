// Kernels compute in float32 vectors and are written once for both compute types. Rows end where they end: the last
// vector of a row is loaded and stored in part, its missing lanes read as zero.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>A type that numbers are rounded to.</summary>
internal interface IRounding
{
    /// <summary>What is left of the numbers when they are stored in this type.</summary>
    static abstract Vector512<float> Round(Vector512<float> values);
}

/// <summary>How numbers of one compute type lie in memory.</summary>
/// <typeparam name="TSelf">The stored number.</typeparam>
internal unsafe interface IElement<TSelf> : IRounding where TSelf : unmanaged, IElement<TSelf>
{
    static abstract float Get(TSelf* source);

    static abstract void Set(TSelf* target, float value);

    static abstract Vector512<float> Load(TSelf* source);

    static abstract void Store(TSelf* target, Vector512<float> values);

    /// <summary>The first numbers alone, the others zero, with AVX-512; what lies beyond them is not touched.</summary>
    static abstract Vector512<float> LoadFirst(TSelf* source, int count);

    /// <summary>Writes the first numbers alone, with AVX-512.</summary>
    static abstract void StoreFirst(TSelf* target, int count, Vector512<float> values);
}

/// <summary>A float32 number.</summary>
internal readonly unsafe struct FloatElement(float value) : IElement<FloatElement>
{
    private readonly float _value = value;

    public static float Get(FloatElement* source) => source->_value;

    public static void Set(FloatElement* target, float value) => *target = new FloatElement(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(FloatElement* source) => Vector512.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(FloatElement* target, Vector512<float> values) => values.Store((float*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadFirst(FloatElement* source, int count) =>
        Avx512F.MaskLoad((float*)source, First(count), Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFirst(FloatElement* target, int count, Vector512<float> values) =>
        Avx512F.MaskStore((float*)target, First(count), values);

    private static Vector512<float> First(int count) =>
        Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    public static Vector512<float> Round(Vector512<float> values) => values;
}

/// <summary>A bfloat16 number: the upper half of a float32.</summary>
internal readonly unsafe struct BFloat16Element(float value) : IElement<BFloat16Element>
{
    private readonly ushort _bits = BFloat16.Round(value);

    public static float Get(BFloat16Element* source) => BitConverter.UInt32BitsToSingle((uint)source->_bits << 16);

    public static void Set(BFloat16Element* target, float value) => *target = new BFloat16Element(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(BFloat16Element* source) => Widen(Vector256.Load((ushort*)source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(BFloat16Element* target, Vector512<float> values) => Narrow(values).Store((ushort*)target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadFirst(BFloat16Element* source, int count) =>
        Widen(Avx512BW.VL.MaskLoad((ushort*)source, First(count), Vector256<ushort>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFirst(BFloat16Element* target, int count, Vector512<float> values) =>
        Avx512BW.VL.MaskStore((ushort*)target, First(count), Narrow(values));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> values) =>
        (Nearest(values) & Vector512.Create(0xffff0000u)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(Vector256<ushort> bits)
    {
        var wide = Avx512F.IsSupported
            ? Avx512F.ConvertToVector512UInt32(bits)
            : Vector512.Create(Vector256.WidenLower(bits), Vector256.WidenUpper(bits));
        return (wide << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Narrow(Vector512<float> values)
    {
        var rounded = Nearest(values) >> 16;
        return Avx512F.IsSupported
            ? Avx512F.ConvertToVector256UInt16(rounded)
            : Vector256.Narrow(rounded.GetLower(), rounded.GetUpper());
    }

    private static Vector256<ushort> First(int count) =>
        Vector256.LessThan(Vector256<ushort>.Indices, Vector256.Create((ushort)count));

    /// <summary>Ties to even, in the upper half of the bits. A NaN as arithmetic makes it stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Nearest(Vector512<float> values)
    {
        var bits = values.AsUInt32();
        return bits + Vector512.Create(0x7fffu) + ((bits >> 16) & Vector512<uint>.One);
    }
}

/// <summary>The rows of a matrix, for work on other threads.</summary>
/// <typeparam name="T">What the matrix holds.</typeparam>
internal readonly unsafe struct Rows<T>(Matrix matrix) where T : unmanaged, IElement<T>
{
    private readonly T* _first = (T*)matrix.Pointer;
    private readonly int _pitch = matrix.Pitch;

    /// <summary>Elements in a row.</summary>
    public readonly int Columns = matrix.Columns;

    /// <summary>The first element of a row.</summary>
    public T* this[int row] => _first + (long)row * _pitch;
}

/// <summary>Vectors at the end of a row.</summary>
internal static unsafe class Row
{
    /// <summary>Numbers in a vector.</summary>
    public const int Lanes = 16;

    /// <summary>
    /// Whether the CPU loads and stores in part: a call for it in a loop would keep the loop's sums in memory.
    /// </summary>
    private static bool HasMasks => Avx512BW.VL.IsSupported;

    /// <summary>The next numbers of a row of which <paramref name="left"/> are left; zero beyond its end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load<T>(T* source, int left) where T : unmanaged, IElement<T> =>
        left >= Lanes ? T.Load(source) : HasMasks ? T.LoadFirst(source, left) : LoadEnd(source, left);

    /// <summary>Writes the next numbers of a row of which <paramref name="left"/> are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T* target, int left, Vector512<float> values) where T : unmanaged, IElement<T>
    {
        if (left >= Lanes)
            T.Store(target, values);
        else if (HasMasks)
            T.StoreFirst(target, left, values);
        else
            StoreEnd(target, left, values);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<float> LoadEnd<T>(T* source, int left) where T : unmanaged, IElement<T>
    {
        var buffer = stackalloc float[Lanes];
        for (var i = 0; i < left; i++)
            buffer[i] = T.Get(source + i);
        for (var i = left; i < Lanes; i++)
            buffer[i] = 0;
        return Vector512.Load(buffer);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreEnd<T>(T* target, int left, Vector512<float> values) where T : unmanaged, IElement<T>
    {
        var buffer = stackalloc float[Lanes];
        values.Store(buffer);
        for (var i = 0; i < left; i++)
            T.Set(target + i, buffer[i]);
    }
}
