using System.Runtime.CompilerServices;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Scales of a 4-bit weight, decoded as rows are read: a byte a block comes from memory instead of four.
/// </summary>
internal readonly unsafe struct ScaleRows
{
    private const int OuterShift = 8; // a scale of scales serves 256 of them

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
