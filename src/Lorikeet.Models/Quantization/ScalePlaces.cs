using System.Runtime.InteropServices;
using Lorikeet.Models.Native;

namespace Lorikeet.Models.Quantization;

/// <summary>Scales of a weight on a CUDA device, as kernels take them (<c>Scales</c> in Scales.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct ScalePlaces
{
    private readonly nint _values;
    private readonly nint _codes;
    private readonly nint _map;
    private readonly nint _outer;
    private readonly float _offset;
    private readonly int _shift;

    public ScalePlaces(FourBitWeight weight)
    {
        _shift = int.Log2(weight.BlockSize);
        if (weight.Scales is NestedScales nested)
        {
            _codes = (nint)TensorMemory.Address(nested.Codes);
            _map = (nint)TensorMemory.Address(nested.Map);
            _outer = (nint)TensorMemory.Address(nested.Scales);
            _offset = nested.Offset;
        }
        else
        {
            _values = (nint)TensorMemory.Address(((PlainScales)weight.Scales).Values);
        }
    }
}
