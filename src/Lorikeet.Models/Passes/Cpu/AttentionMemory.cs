using System.Runtime.InteropServices;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>
/// Blocks of float32 numbers for one thread, carved from memory that the thread keeps: what one head of one segment
/// needs while it is worked on.
/// </summary>
internal unsafe ref struct AttentionMemory
{
    private const int Alignment = 64;

    [ThreadStatic]
    private static float* t_memory;

    [ThreadStatic]
    private static long t_capacity;

    private float* _next;

    /// <summary>Makes room for <paramref name="count"/> numbers in all.</summary>
    public AttentionMemory(long count)
    {
        if (count > t_capacity)
        {
            NativeMemory.AlignedFree(t_memory);
            t_memory = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), Alignment);
            t_capacity = count;
        }

        _next = t_memory;
    }

    /// <summary>
    /// The next <paramref name="rows"/> · <paramref name="columns"/> numbers; columns are a multiple of 16.
    /// </summary>
    public float* Take(int rows, int columns)
    {
        var block = _next;
        _next += (long)rows * columns;
        return block;
    }
}
