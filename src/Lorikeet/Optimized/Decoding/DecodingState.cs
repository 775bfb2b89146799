using static TorchSharp.torch;

namespace Lorikeet.Optimized.Decoding;

/// <summary>Where each row stands, in memory of the device: the slot of the new token, each row's first slot, the tokens.</summary>
internal sealed class DecodingState : IDisposable
{
    private readonly int _rows;

    public DecodingState(int rows, Device device)
    {
        _rows = rows;
        All = zeros(1 + 2 * rows, ScalarType.Int64, device).DetachFromDisposeScope();
        Tokens = All.narrow(0, 1 + rows, rows).DetachFromDisposeScope();
    }

    /// <summary>int64: the slot, then the first slot of each row, then <see cref="Tokens"/>.</summary>
    public Tensor All { get; }

    /// <summary>int64 [rows].</summary>
    public Tensor Tokens { get; }

    /// <summary>Sets all of it.</summary>
    public void Write(int slot, IReadOnlyList<int> begins, IReadOnlyCollection<int> tokens)
    {
        if (tokens.Count != _rows) throw new ArgumentException($"{tokens.Count} tokens for {_rows} rows.", nameof(tokens));
        using var values = tensor([slot, .. begins.Select(begin => (long)begin), .. tokens.Select(id => (long)id)]);
        All.copy_(values);
    }

    public void Dispose()
    {
        Tokens.Dispose();
        All.Dispose();
    }
}
