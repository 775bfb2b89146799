using System.Text.Json.Nodes;
using Parquet.Data;
using Parquet.Schema;

namespace Lorikeet.Data.Reading.Parquet;

/// <summary>The values of a column of a row group, taken one after the other.</summary>
internal sealed class ParquetLeaf(DataField column, RawColumnData values, long count) : IDisposable
{
    private readonly Func<int, JsonNode?> _valueAt = ParquetValues.Of(column, values);
    private int _place;
    private int _value;

    /// <summary>Whether every value was taken.</summary>
    public bool IsAtEnd => _place == count;

    /// <summary>How much of the way to the next value is there; <c>MaxDefinitionLevel</c> for a value.</summary>
    public int Definition => column.MaxDefinitionLevel > 0 ? values.DefinitionLevels[Here()] : 0;

    /// <summary>Whether the next value belongs to the list at a level, and not to the next one.</summary>
    public bool GoesOn(int repetition) =>
        _place < count && column.MaxRepetitionLevel > 0 && values.RepetitionLevels[_place] >= repetition;

    /// <summary>Takes the next value; null where there is none.</summary>
    public JsonNode? Take()
    {
        var isThere = Definition == column.MaxDefinitionLevel;
        Here();
        _place++;
        return isThere ? _valueAt(_value++) : null;
    }

    public void Dispose() => values.Dispose();

    private int Here() =>
        _place < count ? _place : throw new InvalidDataException($"the column '{column.Path}' ends before its rows.");
}
