using System.Runtime.Intrinsics;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Tests.Quantization;

public unsafe class HalfTypesTests
{
    [Fact]
    public void Widen_OfEveryHalf_IsItsValue()
    {
        for (var first = 0; first < 65536; first += 8)
        {
            var bits = Vector128.Create([.. Enumerable.Range(first, 8).Select(value => (ushort)value)]);
            var (halves, brains) = (HalfPrecision.Widen(bits), BFloat16.Widen(bits));
            for (var i = 0; i < 8; i++)
            {
                Same((float)BitConverter.UInt16BitsToHalf((ushort)(first + i)), halves[i]);
                Same(BitConverter.UInt32BitsToSingle((uint)(first + i) << 16), brains[i]);
            }
        }
    }

    [Fact]
    public void Round_IsToTheNearest_TiesToEven()
    {
        foreach (var eight in Difficult().Chunk(8))
        {
            var (halves, brains) = (
                HalfPrecision.Round(Vector256.Create(eight)), BFloat16.Round(Vector256.Create(eight)));
            for (var i = 0; i < 8; i++)
            {
                Assert.Equal(BitConverter.HalfToUInt16Bits((Half)eight[i]), halves[i]);
                Assert.Equal(BFloat16.Round(eight[i]), brains[i]);
            }
        }
    }

    [Fact]
    public void InPlace_GivesTheSame_WhateverTheCount()
    {
        float[] given = [0.1f, -1e-7f, 3e38f, float.NaN, -0f, 65519.9f, 65520, 1f / 3, -2.5f, float.NaN, 7e-5f];
        for (var count = 0; count <= given.Length; count++)
        {
            var (halves, brains) = (given.ToArray(), given.ToArray());
            fixed (float* start = halves)
                HalfPrecision.RoundInPlace(start, count);
            fixed (float* start = brains)
                BFloat16.RoundInPlace(start, count);
            for (var i = 0; i < given.Length; i++)
            {
                Same(i < count ? (float)(Half)given[i] : given[i], halves[i]);
                Same(
                    i < count ? BitConverter.UInt32BitsToSingle((uint)BFloat16.Round(given[i]) << 16) : given[i],
                    brains[i]);
            }
        }
    }

    /// <summary>Every half, every middle between two, the neighbours of both, and random patterns; no NaN.</summary>
    private static List<float> Difficult()
    {
        var values = new List<float>();
        for (var bits = 0; bits < 0x7c00; bits++)
        {
            var (low, high) = (
                BitConverter.UInt16BitsToHalf((ushort)bits), BitConverter.UInt16BitsToHalf((ushort)(bits + 1)));
            foreach (var value in (float[])
            [
                (float)low, float.IsInfinity((float)high) ? 65520 : ((float)low + (float)high) / 2,
            ])
                values.AddRange([value, -value, MathF.BitIncrement(value), MathF.BitDecrement(value)]);
        }

        var random = new Random(1);
        while (values.Count % 8 != 0 || values.Count < 500_000)
        {
            var value = BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
            if (!float.IsNaN(value))
                values.Add(value);
        }

        return values;
    }

    private static void Same(float expected, float actual)
    {
        if (float.IsNaN(expected))
            Assert.True(float.IsNaN(actual));
        else
            Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(actual));
    }
}
