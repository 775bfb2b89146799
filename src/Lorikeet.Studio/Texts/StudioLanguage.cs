namespace Lorikeet.Studio.Texts;

/// <summary>A language of the studio.</summary>
/// <param name="Code">Its code, as in the page's <c>lang</c>.</param>
/// <param name="Name">What its speakers call it.</param>
public sealed record StudioLanguage(string Code, string Name)
{
    /// <summary>English.</summary>
    public static StudioLanguage English { get; } = new("en", "English");

    /// <summary>Vietnamese.</summary>
    public static StudioLanguage Vietnamese { get; } = new("vi", "Tiếng Việt");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<StudioLanguage> All { get; } = [English, Vietnamese];

    /// <summary>The language with a code, else the first of those that a browser asks for, else English.</summary>
    /// <param name="code">The code; null for none.</param>
    /// <param name="accepted">The header Accept-Language.</param>
    public static StudioLanguage Of(string? code, string accepted = "") =>
        All.FirstOrDefault(language => language.Code == code)
        ?? accepted.Split(',').Select(part => part.Trim())
            .Select(part => All.FirstOrDefault(
                language => part.StartsWith(language.Code, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(language => language is not null)
        ?? English;
}
