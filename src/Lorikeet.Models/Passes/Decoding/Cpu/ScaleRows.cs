using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Scales of a 4-bit weight, decoded as rows are read: a byte a block comes from memory instead of four.
/// </summary>
internal readonly unsafe struct ScaleRows
{
    private const int OuterShift = 8; // a scale of scales serves 256 of them
    private const int Gathered = 8; // are looked up at once

    private readonly float* _values;
    private readonly byte* _codes;
    private readonly float* _map;
    private readonly float* _outer;
    private readonly float _offset;

    public ScaleRows(BlockScales scales)
    {
        if (scales is NestedScales nested)
        {
            _codes = TensorMemory.Pointer(nested.Codes);
            _map = (float*)TensorMemory.Pointer(nested.Map);
            _outer = (float*)TensorMemory.Pointer(nested.Scales);
            _offset = nested.Offset;
        }
        else
        {
            _values = (float*)TensorMemory.Pointer(((PlainScales)scales).Values);
        }
    }

    /// <summary>The scale of one block.</summary>
    public float this[long block]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _codes is null ? _values[block] : _map[_codes[block]] * _outer[block >> OuterShift] + _offset;
    }

    /// <summary>Scales of some units of <see cref="FourBitCodes.Unit"/> codes.</summary>
    /// <param name="first">The first unit.</param>
    /// <param name="units">How many.</param>
    /// <param name="shift">log2 of the units of a block.</param>
    /// <param name="target">Receives them.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Decode(long first, int units, int shift, float* target)
    {
        if (_codes is null || shift > 0)
        {
            for (var i = 0; i < units; i++)
                target[i] = this[(first + i) >> shift];
            return;
        }

        // In runs that share a scale of scales.
        for (int start = 0, end; start < units; start = end)
        {
            var block = first + start;
            end = (int)Math.Min(units, start + (((block >> OuterShift) + 1) << OuterShift) - block);
            var codes = _codes + first;
            var i = start;
            var (outer, offset) = (_outer[block >> OuterShift], _offset);
            if (Avx2.IsSupported)
                for (; i <= end - Gathered; i += Gathered)
                {
                    var values = Avx2.GatherVector256(_map, Avx2.ConvertToVector256Int32(codes + i), sizeof(float));
                    (values * outer + Vector256.Create(offset)).Store(target + i);
                }

            for (; i < end; i++)
                target[i] = _map[codes[i]] * outer + offset;
        }
    }
}

/// <summary>
/// Scales from some unit of <see cref="FourBitCodes.Unit"/> codes on; a block is one unit or several.
/// </summary>
internal readonly struct UnitScales(ScaleRows scales, long first, int shift)
{
    private readonly ScaleRows _scales = scales;
    private readonly long _first = first;
    private readonly int _shift = shift;

    /// <summary>The scale of a unit, the first being 0.</summary>
    public float this[int unit]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _scales[(_first + unit) >> _shift];
    }
}
