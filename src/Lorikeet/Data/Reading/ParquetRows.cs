using System.Collections;
using System.Text.Json.Nodes;
using Parquet;
using Parquet.Serialization;

namespace Lorikeet.Data.Reading;

/// <summary>Rows of a parquet file, nested columns included, one row group in memory at a time.</summary>
internal static class ParquetRows
{
    /// <summary>Reads a file; a column that is null in a row is there as null.</summary>
    public static IEnumerable<DataRow> Read(DataFile file)
    {
        using var stream = file.Open();
        var (columns, groups) = Guard(file, () => Describe(stream));
        var number = 1L;
        for (var group = 0; group < groups; group++)
        {
            foreach (var values in Guard(file, () => ReadGroup(stream, group)))
            {
                var cells = columns.Select(name => KeyValuePair.Create(name, ToNode(values.GetValueOrDefault(name))));
                yield return new DataRow(new JsonObject(cells), new RowOrigin(file.Path, number++, IsLine: false));
            }
        }
    }

    private static (string[] Columns, int Groups) Describe(Stream stream) => Wait(async () =>
    {
        await using var reader = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true);
        return (reader.Schema.Fields.Select(field => field.Name).ToArray(), reader.RowGroupCount);
    });

    private static IList<Dictionary<string, object>> ReadGroup(Stream stream, int group) => Wait(async () =>
    {
        stream.Position = 0;
        return (await ParquetSerializer.DeserializeUntypedAsync(stream, null, group)).Data;
    });

    /// <summary>The package reads asynchronously only; rows are wanted in order, by one thread.</summary>
    private static T Wait<T>(Func<Task<T>> read) => Task.Run(read).GetAwaiter().GetResult();

    private static T Guard<T>(DataFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            throw new DatasetException(
                $"{file.Path} cannot be read as parquet: {fault.Message} A whole file with flat or nested " +
                "columns was expected. Fetch it again, or write the rows as jsonl.", fault);
        }
    }

    private static JsonObject ToObject(IDictionary values)
    {
        var result = new JsonObject();
        foreach (DictionaryEntry entry in values)
            result[entry.Key.ToString()!] = ToNode(entry.Value);
        return result;
    }

    private static JsonNode? ToNode(object? value) => value switch
    {
        null => null,
        string text => text,
        ReadOnlyMemory<char> text => text.ToString(),
        bool flag => flag,
        float or double or decimal => Convert.ToDouble(value),
        sbyte or short or int or long or byte or ushort or uint => Convert.ToInt64(value),
        ulong number => number,
        byte[] bytes => Convert.ToBase64String(bytes),
        IDictionary values => ToObject(values),
        IEnumerable items => new JsonArray([.. items.Cast<object?>().Select(ToNode)]),
        _ => value.ToString(),
    };
}
