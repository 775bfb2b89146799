using System.Runtime.InteropServices;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>A matrix as kernels take it (<c>Matrix</c> in Elements.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct MatrixView(Matrix matrix)
{
    private readonly byte* _data = matrix.Pointer;
    private readonly int _rows = matrix.Rows;
    private readonly int _columns = matrix.Columns;
    private readonly long _pitch = matrix.Pitch;
}
