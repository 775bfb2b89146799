namespace NanoBase.Facts;

/// <summary>The languages the nano base reads and is asked in.</summary>
internal enum Language
{
    English,
    Vietnamese,
}

/// <summary>A name or value in both languages.</summary>
internal sealed record Term(string English, string Vietnamese)
{
    public string In(Language language) => language == Language.English ? English : Vietnamese;
}

internal static class LanguageCodes
{
    public static IReadOnlyList<Language> All { get; } = [Language.English, Language.Vietnamese];

    /// <summary>The ISO 639-1 code, as the datasets of the Hugging Face hub write it.</summary>
    public static string Code(this Language language) => language == Language.English ? "en" : "vi";
}
