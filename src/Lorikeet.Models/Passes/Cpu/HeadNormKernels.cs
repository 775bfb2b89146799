using System.Runtime.CompilerServices;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>
/// The parts of a row of queries and keys that are normalised each for itself: one a head, or all of the queries and
/// all of the keys where their norm is as wide as they are.
/// </summary>
internal readonly unsafe struct NormGroups<TWeight>(
    TWeight* query, TWeight* key, int queryEnd, int keyEnd, int queryWidth, int keyWidth)
    where TWeight : unmanaged, IElement<TWeight>
{
    private readonly TWeight* _query = query;
    private readonly TWeight* _key = key;
    private readonly int _queryEnd = queryEnd;
    private readonly int _queryWidth = queryWidth;
    private readonly int _keyWidth = keyWidth;

    /// <summary>Where keys end in a row.</summary>
    public readonly int End = keyEnd;

    /// <summary>How wide the part is that begins at a column, and the weight on it.</summary>
    public int At(int column, out TWeight* weight)
    {
        weight = column < _queryEnd ? _query : _key;
        return column < _queryEnd ? _queryWidth : _keyWidth;
    }
}

/// <summary>rotated = R (weight ⊙ x / rms(x)) of queries and keys, R the rotation by position.</summary>
internal readonly unsafe struct RotateNormalisedWork<T, TWeight>(
    AttentionHeads<T> heads, NormGroups<TWeight> groups, Rows<T> qkv, float epsilon, Rows<T> rotated) : IRangeWork
    where T : unmanaged, IElement<T>
    where TWeight : unmanaged, IElement<TWeight>
{
    private readonly AttentionHeads<T> _heads = heads;
    private readonly NormGroups<TWeight> _groups = groups;
    private readonly Rows<T> _qkv = qkv;
    private readonly float _epsilon = epsilon;
    private readonly Rows<T> _rotated = rotated;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            int width;
            for (var column = 0; column < _groups.End; column += width)
            {
                width = _groups.At(column, out var weight);
                var x = _qkv[row] + column;
                var inverse = NormWork<T, TWeight>.InverseRms(x, width, _epsilon);
                NormWork<T, TWeight>.Normalise(x, weight, inverse, _rotated[row] + column, width);
            }

            for (var column = 0; column < _groups.End; column += _heads.HeadSize)
                _heads.Rotate(_rotated, row, 1, column, backwards: false);
        }
    }
}

/// <summary>weight ⊙ x / rms(x) of queries and keys, in place.</summary>
internal readonly unsafe struct NormaliseHeadsWork<T, TWeight>(
    NormGroups<TWeight> groups, Rows<T> qkv, float epsilon) : IRangeWork
    where T : unmanaged, IElement<T>
    where TWeight : unmanaged, IElement<TWeight>
{
    private readonly NormGroups<TWeight> _groups = groups;
    private readonly Rows<T> _qkv = qkv;
    private readonly float _epsilon = epsilon;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            int width;
            for (var column = 0; column < _groups.End; column += width)
            {
                width = _groups.At(column, out var weight);
                var x = _qkv[row] + column;
                var inverse = NormWork<T, TWeight>.InverseRms(x, width, _epsilon);
                NormWork<T, TWeight>.Normalise(x, weight, inverse, x, width);
            }
        }
    }
}

/// <summary>Gradients of normalised queries and keys become, in place, those of what was projected.</summary>
internal readonly unsafe struct HeadNormsBackwardWork<T, TWeight>(
    NormGroups<TWeight> groups, Rows<T> qkv, float epsilon, Rows<T> gradient) : IRangeWork
    where T : unmanaged, IElement<T>
    where TWeight : unmanaged, IElement<TWeight>
{
    private readonly NormGroups<TWeight> _groups = groups;
    private readonly Rows<T> _qkv = qkv;
    private readonly float _epsilon = epsilon;
    private readonly Rows<T> _gradient = gradient;

    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            int width;
            for (var column = 0; column < _groups.End; column += width)
            {
                width = _groups.At(column, out var weight);
                var gradient = _gradient[row] + column;
                NormGradientWork<T, TWeight>.Differentiate(
                    _qkv[row] + column, weight, gradient, gradient, width, _epsilon);
            }
        }
    }
}
