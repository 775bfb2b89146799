using System.Text.Json.Nodes;
using Parquet.Schema;

namespace Lorikeet.Data.Reading.Parquet;

/// <summary>
/// Puts rows together from the columns of a row group, by the levels of their values (Melnik et al., Dremel, 2010,
/// section 4.3).
/// </summary>
/// <param name="schema">The columns of the file.</param>
/// <param name="leaves">The columns that hold values, by path.</param>
internal sealed class ParquetRecords(ParquetSchema schema, IReadOnlyDictionary<FieldPath, ParquetLeaf> leaves)
{
    // By reference: parts of the same name in different columns are equal.
    private readonly Dictionary<Field, ParquetLeaf[]> _leavesOf = new(ReferenceEqualityComparer.Instance);

    /// <summary>The next row; a column that is null in it is there as null.</summary>
    public JsonObject Next() =>
        new(schema.Fields.Select(field => KeyValuePair.Create(field.Name, Read(field, 0, 0))));

    /// <param name="field">A column, or a part of one.</param>
    /// <param name="definition">Level from which on what it is part of is there.</param>
    /// <param name="repetition">Level of the list it is in.</param>
    private JsonNode? Read(Field field, int definition, int repetition) => field switch
    {
        ListField list when list.MaxRepetitionLevel > repetition => ReadList(list, definition),
        ListField list => Below(list)[0].Definition < list.MaxDefinitionLevel
            ? Pass(list)
            : Read(list.Item, list.MaxDefinitionLevel, repetition),
        MapField map => ReadMap(map, definition),
        StructField parts => ReadStruct(parts),
        DataField { IsArray: true } array => ReadArray(array),
        _ => Below(field)[0].Take(),
    };

    private JsonArray? ReadList(ListField list, int definition)
    {
        var first = Below(list)[0];
        var there = definition + (list.IsNullable ? 1 : 0);
        if (first.Definition < list.MaxDefinitionLevel)
            return Pass(list, first.Definition >= there ? new JsonArray() : null);
        var items = new JsonArray();
        do
            items.Add(Read(list.Item, list.MaxDefinitionLevel, list.MaxRepetitionLevel));
        while (first.GoesOn(list.MaxRepetitionLevel));
        return items;
    }

    private JsonObject? ReadMap(MapField map, int definition)
    {
        var first = Below(map)[0];
        var there = definition + (map.IsNullable ? 1 : 0);
        if (first.Definition < map.MaxDefinitionLevel)
            return Pass(map, first.Definition >= there ? new JsonObject() : null);
        var entries = new JsonObject();
        do
        {
            var key = Read(map.Key, map.MaxDefinitionLevel, map.MaxRepetitionLevel);
            entries[key is JsonValue name ? TurnValue.TextOf(name) : key?.ToJsonString() ?? "null"] =
                Read(map.Value, map.MaxDefinitionLevel, map.MaxRepetitionLevel);
        }
        while (first.GoesOn(map.MaxRepetitionLevel));
        return entries;
    }

    /// <summary>
    /// The parts that are there: what one row of many lacks is null in all of them, and was never written.
    /// </summary>
    private JsonObject? ReadStruct(StructField parts)
    {
        if (Below(parts)[0].Definition < parts.MaxDefinitionLevel)
            return Pass<JsonObject>(parts, null);
        var values = new JsonObject();
        foreach (var part in parts.Fields)
            if (Read(part, parts.MaxDefinitionLevel, parts.MaxRepetitionLevel) is { } value)
                values[part.Name] = value;
        return values;
    }

    private JsonArray ReadArray(DataField array)
    {
        var leaf = Below(array)[0];
        if (leaf.Definition < array.MaxDefinitionLevel)
            return Pass(array, new JsonArray())!;
        var items = new JsonArray();
        do
            items.Add(leaf.Take());
        while (leaf.GoesOn(array.MaxRepetitionLevel));
        return items;
    }

    /// <summary>Passes over a value that is not there in each of the columns below.</summary>
    private T? Pass<T>(Field field, T? value) where T : JsonNode
    {
        foreach (var leaf in Below(field))
            leaf.Take();
        return value;
    }

    private JsonNode? Pass(Field field) => Pass<JsonNode>(field, null);

    private ParquetLeaf[] Below(Field field)
    {
        if (_leavesOf.TryGetValue(field, out var known))
            return known;
        ParquetLeaf[] below = field switch
        {
            ListField list => Below(list.Item),
            MapField map => [.. Below(map.Key), .. Below(map.Value)],
            StructField parts => [.. parts.Fields.SelectMany(Below)],
            _ => [leaves[field.Path]],
        };
        return _leavesOf[field] = below;
    }
}
