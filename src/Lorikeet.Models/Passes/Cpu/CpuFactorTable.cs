using Lorikeet.Models.Native;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>One factor after the other, each by all cores.</summary>
/// <typeparam name="T">What matrices hold.</typeparam>
internal sealed unsafe class CpuFactorTable<T>(IReadOnlyList<FactorBlock> blocks) : IFactorTable
    where T : unmanaged, IElement<T>
{
    public void Load()
    {
        foreach (var (values, scale, matrix) in blocks)
        {
            if (values is null)
            {
                matrix.Tensor.Clear();
                continue;
            }

            var work = new LoadWork<T>((float*)TensorMemory.Pointer(values), (float)scale, new(matrix));
            WorkerTeam.Run(work, matrix.Rows, matrix.Columns);
        }
    }

    public void Accumulate()
    {
        foreach (var (values, scale, matrix) in blocks)
        {
            var work = new AccumulateWork<T>(new(matrix), (float)scale, (float*)TensorMemory.Pointer(values!));
            WorkerTeam.Run(work, matrix.Rows, matrix.Columns);
        }
    }

    public void Dispose()
    {
    }
}
