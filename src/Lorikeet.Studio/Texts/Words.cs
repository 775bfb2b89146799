using System.Globalization;
using System.Resources;

namespace Lorikeet.Studio.Texts;

/// <summary>The studio's words in the language of one reader.</summary>
public sealed class Words
{
    private static readonly Dictionary<StudioLanguage, ResourceManager> s_texts = StudioLanguage.All.ToDictionary(
        language => language,
        language => new ResourceManager(
            $"Lorikeet.Studio.Texts.Words.{language.Code}", typeof(Words).Assembly));

    /// <summary>The reader's language.</summary>
    public StudioLanguage Language { get; set; } = StudioLanguage.English;

    /// <summary>A text by its name.</summary>
    /// <param name="name">The name, which stands in both files of words.</param>
    public string this[string name] => Find(name) ?? throw new ArgumentException($"No word is called '{name}'.");

    /// <summary>A text with values in it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="values">What stands for {0}, {1} ...</param>
    public string Format(string name, params ReadOnlySpan<object?> values) =>
        string.Format(CultureInfo.InvariantCulture, this[name], values);

    /// <summary>A text by its name, or null.</summary>
    internal string? Find(string name) =>
        s_texts[Language].GetString(name, CultureInfo.InvariantCulture);
}
