using System.Runtime.InteropServices;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>Heads as kernels take them (<c>Heads</c> in Rotary.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct HeadCounts(AttentionShape shape)
{
    private readonly int _queries = shape.Heads;
    private readonly int _keys = shape.KeyValueHeads;
    private readonly int _size = shape.HeadSize;
    private readonly int _rotary = shape.RotarySize;
}
