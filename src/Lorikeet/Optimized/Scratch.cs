using static TorchSharp.torch;

namespace Lorikeet.Optimized;

/// <summary>What a scratch matrix is for; matrices of different uses never share memory.</summary>
internal enum ScratchUse
{
    Weight,
    FactorA,
    FactorB,
    Masked,
}

/// <summary>Matrices whose content lives from one call to the next, shared by all layers and made once per shape.</summary>
internal sealed class Scratch(ScalarType type, Device device) : IDisposable
{
    private readonly Dictionary<(ScratchUse Use, int Rows, int Columns), Matrix> _matrices = [];

    public ScalarType ElementType => type;

    public Device Device => device;

    /// <summary>The matrix of a use and shape; its content is whatever the last user left.</summary>
    public Matrix Take(ScratchUse use, int rows, int columns)
    {
        if (!_matrices.TryGetValue((use, rows, columns), out var matrix))
            _matrices[(use, rows, columns)] = matrix = Matrix.Create(rows, columns, type, device);
        return matrix;
    }

    public void Dispose()
    {
        foreach (var matrix in _matrices.Values) matrix.Dispose();
    }
}
