using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Lorikeet.Data.Reading;

/// <summary>The columns of rows made in code.</summary>
internal static class RowColumns
{
    private static readonly JsonSerializerOptions s_form = new()
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(), // programs of one file turn reflection off elsewhere
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        ReferenceHandler = ReferenceHandler.IgnoreCycles,
        Converters = { new JsonStringEnumConverter() },
    };

    // What an example does not say is no column of it; of other types a null is an empty cell.
    private static readonly JsonSerializerOptions s_example = new(s_form)
    { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>The columns of an object, or of text.</summary>
    /// <param name="row">The row.</param>
    /// <param name="name">What messages call the rows.</param>
    /// <param name="number">Of the row, from 1.</param>
    public static JsonObject Of<T>(T row, string name, long number)
    {
        if (row is string text)
            return new JsonObject { ["text"] = text };
        if (row is JsonObject columns)
            return columns;
        var node = Node(row, row is Example ? s_example : s_form, name, number);
        return node as JsonObject ?? throw new DatasetException(
            $"{Place(name, number)} is {(row is null ? "null" : $"of type {row.GetType().Name}")}. An Example, text, " +
            "a dictionary or an object with properties was expected. Select one of these.");
    }

    /// <summary>The columns of a reader's row.</summary>
    public static JsonObject Of(DbDataReader reader, string name, long number)
    {
        var columns = new JsonObject();
        for (var column = 0; column < reader.FieldCount; column++)
        {
            var value = reader.IsDBNull(column) ? null : Node(reader.GetValue(column), s_form, name, number);
            if (!columns.TryAdd(reader.GetName(column), value))
            {
                throw new DatasetException(
                    $"{Place(name, number)} has two columns '{reader.GetName(column)}'. Names of their own were " +
                    "expected. Name one of them otherwise in the query (AS).");
            }
        }

        return columns;
    }

    private static JsonNode? Node(object? value, JsonSerializerOptions form, string name, long number)
    {
        try
        {
            return JsonSerializer.SerializeToNode(value, value?.GetType() ?? typeof(object), form);
        }
        catch (Exception fault) when (
            fault is JsonException or NotSupportedException or InvalidOperationException or ArgumentException)
        {
            throw new DatasetException(
                $"{Place(name, number)} cannot be written as JSON: {fault.Message} Text, numbers, truth values, " +
                "lists and objects of these were expected. Select them.", fault);
        }
    }

    private static RowOrigin Place(string name, long number) => new(name, number, IsLine: false);
}
