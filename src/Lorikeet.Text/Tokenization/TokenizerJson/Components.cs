using Lorikeet.Formats.Json;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>What the components of a <c>tokenizer.json</c> have in common: a <c>type</c> and a place.</summary>
internal static class Components
{
    // Every text goes through all of them; tokenizers have five.
    private const int MostParts = 100;

    /// <summary>The complaint that this version knows no such component.</summary>
    public static CheckpointException Unknown(JsonSetting component, string kind) => new(
        $"'{component["type"].AsStringOrNull()}' is not a {kind} that Lorikeet knows. Expected one of those that "
        + $"language models use, because leaving it out would change the tokens. '{component.File}'. "
        + "Please report the model's name.");

    /// <summary>The parts of a <c>Sequence</c>.</summary>
    public static T[] ReadAll<T>(JsonSetting list, Func<JsonSetting, T?> read)
        where T : class
    {
        var items = list.Items().ToList();
        if (items.Count > MostParts)
            throw list.Unexpected($"at most {MostParts} parts");
        return [.. items.Select(item => read(item) ?? throw item.Unexpected("a component"))];
    }
}
