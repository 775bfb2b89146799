using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// Where each row stands, in memory of the device: the slot of the new token, each row's first slot, the tokens.
/// </summary>
internal sealed class DecodingState : IDisposable
{
    private readonly int _rows;
    private readonly long[] _values; // what All becomes

    public DecodingState(int rows, Device device)
    {
        (_rows, _values) = (rows, new long[1 + 2 * rows]);
        All = zeros(1 + 2 * rows, ScalarType.Int64, device).DetachFromDisposeScope();
        Tokens = All.narrow(0, 1 + rows, rows).DetachFromDisposeScope();
    }

    /// <summary>int64: the slot, then the first slot of each row, then <see cref="Tokens"/>.</summary>
    public Tensor All { get; }

    /// <summary>Token of each row, int64 [rows].</summary>
    public Tensor Tokens { get; }

    /// <summary>Sets all of it.</summary>
    public void Write(int slot, IReadOnlyList<int> begins, IReadOnlyList<int> tokens)
    {
        if (tokens.Count != _rows)
            throw new ArgumentException($"{tokens.Count} tokens for {_rows} rows.", nameof(tokens));
        _values[0] = slot;
        for (var row = 0; row < _rows; row++)
            (_values[1 + row], _values[1 + _rows + row]) = (begins[row], tokens[row]);
        if (All.device_type == DeviceType.CPU)
        {
            _values.CopyTo(TensorMemory.Span<long>(All));
            return;
        }

        using var values = tensor(_values);
        All.copy_(values);
    }

    public void Dispose()
    {
        Tokens.Dispose();
        All.Dispose();
    }
}
