namespace Lorikeet.Runs.Reports;

/// <summary>The same words in English and in Vietnamese.</summary>
internal readonly record struct Bilingual(string English, string Vietnamese)
{
    /// <summary>What is the same in both languages: a number, a name.</summary>
    public static implicit operator Bilingual(string text) => new(text, text);

    /// <summary>The words in one of the languages.</summary>
    public string In(ReportLanguage language) => language == ReportLanguage.Vietnamese ? Vietnamese : English;
}
