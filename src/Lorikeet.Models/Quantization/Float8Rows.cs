using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// A matrix in FP8 with one scale a row: element = code · scale, with scale = (largest magnitude of the row) / 448.
/// </summary>
/// <param name="Codes">E4M3 [rows, columns], as bytes; the caller disposes it.</param>
/// <param name="Scales">float32 [rows]; the caller disposes it.</param>
internal sealed unsafe record Float8Rows(Tensor Codes, Tensor Scales) : IDisposable
{
    /// <summary>Quantizes a matrix of any float type on its device, perhaps with its columns scaled first.</summary>
    /// <param name="matrix">[rows, columns]; stays the caller's.</param>
    /// <param name="columnScales">float32 [columns] to multiply by; null for none.</param>
    public static Float8Rows Of(Tensor matrix, Tensor? columnScales = null)
    {
        using var quiet = no_grad();
        var codes = empty(matrix.shape, ScalarType.Byte, matrix.device).DetachFromDisposeScope();
        var scales = empty([matrix.shape[0]], ScalarType.Float32, matrix.device).DetachFromDisposeScope();
        if (matrix.device_type == DeviceType.META)
            return new Float8Rows(codes, scales);
        if (matrix.device_type == DeviceType.CUDA)
        {
            using var taken = matrix.to_type(
                matrix.dtype == ScalarType.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32);
            using var rows = taken.contiguous();
            Float8Cuda.Of(matrix.device).Quantize(rows, columnScales, codes, scales);
            return new Float8Rows(codes, scales);
        }

        using var wide = matrix.to_type(ScalarType.Float32);
        using var values = wide.contiguous();
        Quantize(
            (float*)TensorMemory.Pointer(values), matrix.shape[0], checked((int)matrix.shape[1]),
            columnScales is null ? null : (float*)TensorMemory.Pointer(columnScales), TensorMemory.Pointer(codes),
            (float*)TensorMemory.Pointer(scales));
        return new Float8Rows(codes, scales);
    }

    /// <summary>The matrix in float32; the caller disposes it.</summary>
    public Tensor Dequantize()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return (Numbers(Codes) * Scales.unsqueeze(1)).MoveToOuterDisposeScope(); // [rows, columns] ⊙ [rows, 1]
    }

    /// <summary>What codes stand for, without their scales, in float32; the caller disposes it.</summary>
    public static Tensor Numbers(Tensor codes)
    {
        if (codes.device_type != DeviceType.CPU)
        {
            using var table = tensor(Float8.Values, device: codes.device);
            using var indices = codes.flatten().to_type(ScalarType.Int32);
            using var found = table.index_select(0, indices);
            return found.view(codes.shape);
        }

        var numbers = empty(codes.shape, ScalarType.Float32, CPU);
        var source = TensorMemory.Pointer(codes);
        var target = (float*)TensorMemory.Pointer(numbers);
        var values = Float8.Values;
        Slices.ForEach(codes.NumberOfElements, Slices.Bytes, (start, count) =>
        {
            for (var i = start; i < start + count; i++)
                target[i] = values[source[i]];
        });
        return numbers;
    }

    private static void Quantize(
        float* values, long rows, int columns, float* columnScales, byte* codes, float* scales) =>
        Parallel.For(0, rows, row =>
        {
            var source = values + row * columns;
            var target = codes + row * columns;
            float Element(int column) => columnScales == null ? source[column] : source[column] * columnScales[column];

            var largest = Float8.LeastMagnitude;
            for (var i = 0; i < columns; i++)
                if (MathF.Abs(Element(i)) is var magnitude && magnitude > largest)
                    largest = magnitude;

            scales[row] = largest / Float8.Largest;
            var inverse = Float8.Largest / largest;
            for (var i = 0; i < columns; i++)
                target[i] = Float8.Encode(Element(i) * inverse);
        });

    /// <inheritdoc/>
    public void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
    }
}
