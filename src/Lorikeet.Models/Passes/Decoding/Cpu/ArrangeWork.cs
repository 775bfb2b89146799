using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>x to float32, and then into the form that a weight takes; a row of the range is one of x.</summary>
internal unsafe struct ArrangeWork<T, TRows>(Rows<T> x, TRows weight, ArrangedVectors target) : IRangeWork
    where T : unmanaged, IElement<T>
    where TRows : unmanaged, IWeightRows
{
    private readonly Rows<T> _x = x;
    private TRows _weight = weight;
    private readonly ArrangedVectors _target = target;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            var from = _x[row];
            var to = _target[row];
            for (var i = 0; i < _x.Columns; i += Row.Lanes)
                Row.Load(from + i, _x.Columns - i).Store(to + i);
            _weight.Arrange(to);
        }
    }
}
