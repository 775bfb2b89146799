using Lorikeet.Models.Quantization;

namespace Lorikeet.Tests.Quantization;

/// <summary>4-bit quantization one number at a time, for comparison with the kernels.</summary>
internal static class FourBitReference
{
    public static (byte[] Packed, float[] Scales) Quantize(float[] values, FourBitType type, int blockSize)
    {
        var packed = new byte[(values.Length + 1) / 2];
        var scales = new float[(values.Length + blockSize - 1) / blockSize];
        for (var i = 0; i < values.Length; i++)
            scales[i / blockSize] = MathF.Max(scales[i / blockSize], MathF.Abs(values[i]));
        for (var i = 0; i < 2 * packed.Length; i++)
        {
            var value = i < values.Length ? values[i] : 0;
            var scaled = value * CudaReciprocal.Of(scales[Math.Min(i, values.Length - 1) / blockSize]);
            var code = type == FourBitType.Nf4 ? EncodeNormal(scaled) : EncodeFloat(scaled);
            packed[i / 2] |= (byte)(i % 2 == 0 ? code << 4 : code);
        }

        return (packed, scales);
    }

    public static float[] Dequantize(byte[] packed, float[] scales, FourBitType type, int blockSize, int count)
    {
        var values = type == FourBitType.Nf4 ? NormalFloat4.Values : Float4.Values;
        var result = new float[count];
        for (var i = 0; i < count; i++)
            result[i] = values[(packed[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15] * scales[i / blockSize];
        return result;
    }

    private static int EncodeNormal(float value)
    {
        var code = 0;
        while (code < 15 && value > NormalFloat4.Thresholds[code])
            code++;
        return code;
    }

    private static int EncodeFloat(float value)
    {
        int[] codes = [0b000, 0b001, 0b110, 0b111, 0b100, 0b101, 0b010, 0b011];
        var rank = 0;
        while (rank < 7 && MathF.Abs(value) > Float4.Thresholds[rank])
            rank++;
        return codes[rank] | (value < 0 ? 0b1000 : 0);
    }
}
