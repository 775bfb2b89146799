using System.Globalization;

namespace Lorikeet.Formats.Gguf;

/// <summary>The metadata of a file, read by kind; an error names key, value and file.</summary>
/// <param name="path">The file.</param>
/// <param name="values">Its metadata.</param>
public sealed class GgufMetadata(string path, IReadOnlyDictionary<string, GgufValue> values)
{
    /// <summary>Every value by key.</summary>
    public IReadOnlyDictionary<string, GgufValue> Values => values;

    /// <summary>A text, or null when the key is absent.</summary>
    /// <param name="key">The key, such as <c>llama.block_count</c>.</param>
    /// <exception cref="CheckpointException">It is of another kind.</exception>
    public string? Text(string key) => Find(key)?.Content switch
    {
        null => null,
        string text => text,
        _ => throw Unexpected(key, "a string"),
    };

    /// <summary>A flag, or null when the key is absent.</summary>
    /// <param name="key">The key, such as <c>llama.block_count</c>.</param>
    /// <exception cref="CheckpointException">It is of another kind.</exception>
    public bool? Flag(string key) => Find(key)?.Content switch
    {
        null => null,
        bool flag => flag,
        _ => throw Unexpected(key, "true or false"),
    };

    /// <summary>A whole number of any width, or null when the key is absent.</summary>
    /// <param name="key">The key, such as <c>llama.block_count</c>.</param>
    /// <exception cref="CheckpointException">It is of another kind.</exception>
    public int? Integer(string key)
    {
        var content = Find(key)?.Content;
        if (content is null)
            return null;
        if (content is not (byte or sbyte or ushort or short or uint or int or ulong or long))
            throw Unexpected(key, "a whole number");
        var number = Convert.ToDecimal(content, CultureInfo.InvariantCulture);
        return number is >= int.MinValue and <= int.MaxValue
            ? (int)number
            : throw Unexpected(key, "a number below 2^31");
    }

    /// <summary>A number, or null when the key is absent.</summary>
    /// <param name="key">The key, such as <c>llama.block_count</c>.</param>
    /// <exception cref="CheckpointException">It is of another kind.</exception>
    public double? Number(string key) => Find(key)?.Content switch
    {
        null => null,
        float number => number,
        double number => number,
        _ => Integer(key),
    };

    /// <summary>An array of <typeparamref name="T"/>, or null when the key is absent.</summary>
    /// <typeparam name="T">The .NET type of the elements: <c>string</c>, <c>int</c>, <c>float</c> ...</typeparam>
    /// <param name="key">The key, such as <c>tokenizer.ggml.tokens</c>.</param>
    /// <exception cref="CheckpointException">It is of another kind.</exception>
    public T[]? Array<T>(string key) => Find(key)?.Content switch
    {
        null => null,
        T[] array => array,
        _ => throw Unexpected(key, $"an array of {typeof(T).Name}"),
    };

    /// <summary>The error to throw for a key that is not there.</summary>
    /// <param name="key">The key.</param>
    public CheckpointException Missing(string key) => new(
        $"The metadata has no '{key}'. A language model in GGUF was expected. Where: '{path}'. " +
        "Convert or download the model again.");

    private GgufValue? Find(string key) => values.GetValueOrDefault(key);

    private CheckpointException Unexpected(string key, string expected)
    {
        var value = values[key];
        var actual = value.Type == GgufValueType.Array
            ? $"an array of {value.ElementType}"
            : $"{value.Content} ({value.Type})";
        return new CheckpointException(
            $"'{key}' is {actual}. Expected {expected}. Where: '{path}'. Convert or download the model again.");
    }
}
