using System.Runtime.Intrinsics;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Some blocks of 4-bit codes to numbers, as the reference has them; a row of the range is a block.</summary>
/// <typeparam name="TElement">The type of the numbers that were quantized.</typeparam>
/// <typeparam name="TTarget">float, or ushort for the bits of bfloat16.</typeparam>
/// <param name="weight">The weight.</param>
/// <param name="first">The first code, that of a block.</param>
/// <param name="count">How many codes.</param>
/// <param name="target">Receives as many numbers.</param>
internal readonly unsafe struct DequantizeWork<TElement, TTarget>(
    FourBitWeight weight, long first, long count, TTarget* target) : IRangeWork
    where TElement : struct, IRounding
    where TTarget : unmanaged
{
    private readonly byte* _codes = TensorMemory.Pointer(weight.Packed) + first / 2;
    private readonly ScaleRows _scales = new(weight.Scales);
    private readonly long _firstBlock = first / weight.BlockSize;
    private readonly Vector512<float> _values = Vector512.Create(weight.Values);
    private readonly int _blockSize = weight.BlockSize;
    private readonly long _count = count;
    private readonly TTarget* _target = target;

    public void Run(int start, int end)
    {
        for (var block = start; block < end; block++)
        {
            var place = (long)block * _blockSize;
            var values = TElement.Round(_values * _scales[_firstBlock + block]);
            FourBitDequantizer.LookUp(
                _codes + place / 2, values.GetLower(), values.GetUpper(), (int)Math.Min(_blockSize, _count - place),
                _target + place);
        }
    }
}
