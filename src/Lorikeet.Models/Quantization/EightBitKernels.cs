using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Quantization;

/// <summary>8-bit integers with one scale per row on the CPU, equal to bitsandbytes (csrc kInt8VectorQuant).</summary>
internal static unsafe class EightBitKernels
{
    /// <summary>1/127 as the reference spells it (int8_vectorwise_dequant).</summary>
    public const float Inverse127 = 0.007874015718698502f;

    /// <summary>Quantizes rows of values that float16 can hold.</summary>
    /// <param name="source">[rows, columns].</param>
    /// <param name="codes">Receives [rows, columns], in [-127, 127].</param>
    /// <param name="scales">Receives the largest magnitude of each row.</param>
    public static void Quantize(float* source, long rows, int columns, sbyte* codes, float* scales) =>
        Parallel.For(0, rows, row =>
        {
            var values = new ReadOnlySpan<float>(source + row * columns, columns);
            var target = new Span<sbyte>(codes + row * columns, columns);
            var largest = 0f;
            foreach (var value in values)
                largest = MathF.Max(largest, MathF.Abs(value));
            scales[row] = largest;
            var scale = 127 * CudaReciprocal.Of(largest);
            for (var i = 0; i < columns; i++)
                target[i] = largest == 0 ? (sbyte)0 : (sbyte)MathF.Round(values[i] * scale);
        });

    /// <summary>Dequantizes rows: code · scale / 127.</summary>
    /// <typeparam name="TElement">float, <see cref="Half"/>, or ushort for the bits of bfloat16.</typeparam>
    public static void Dequantize<TElement>(sbyte* codes, float* scales, long rows, int columns, TElement* target)
        where TElement : unmanaged =>
        Parallel.For(
            0, rows, row => DequantizeRow(codes + row * columns, scales[row], columns, target + row * columns));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DequantizeRow<TElement>(sbyte* codes, float scale, int columns, TElement* target)
        where TElement : unmanaged
    {
        var i = 0;
        for (; typeof(TElement) != typeof(Half) && i <= columns - 8; i += 8)
        {
            var shorts = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)(codes + i)).AsSByte());
            var integers = Vector256.Create(Vector128.WidenLower(shorts), Vector128.WidenUpper(shorts));
            var values = Vector256.ConvertToSingle(integers) * scale * Inverse127;
            if (typeof(TElement) == typeof(float))
                values.Store((float*)target + i);
            else
                BFloat16.Round(values).Store((ushort*)target + i);
        }

        for (; i < columns; i++)
            Store(codes[i] * scale * Inverse127, target + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TElement>(float value, TElement* target) where TElement : unmanaged
    {
        if (typeof(TElement) == typeof(float))
            *(float*)target = value;
        else if (typeof(TElement) == typeof(Half))
            *(Half*)target = (Half)value;
        else
            *(ushort*)target = BFloat16.Round(value);
    }
}
