using System.Reflection;
using System.Xml.Linq;
using Lorikeet.Formats;
using static Lorikeet.Runs.Reports.Html;

namespace Lorikeet.Runs.Reports;

/// <summary>
/// A report as one HTML file that needs no other and asks for nothing: styles and charts are inside, there is no
/// script, it follows the reader's light or dark setting, and its headings come in English and Vietnamese.
/// </summary>
public static class HtmlReport
{
    /// <summary>Writes the page.</summary>
    public static void Write(RunReport report, string path) => AtomicFile.WriteText(path, Render(report));

    /// <summary>The page.</summary>
    internal static string Render(RunReport report)
    {
        var vietnamese = report.Language == ReportLanguage.Vietnamese;
        var body = Element("body", null,
            LanguageSwitch(vietnamese),
            Element("main", null,
                Header(report),
                HtmlSections.Warnings(report),
                HtmlSections.Scores(report),
                HtmlSections.Answers(report),
                HtmlSections.Training(report),
                HtmlSections.DataAndModel(report),
                HtmlSections.Settings(report),
                HtmlSections.NextCommands(report)),
            Element("footer", null, $"Lorikeet {Version()} · {report.Time:yyyy-MM-dd HH:mm}"));
        var title = Element("title", null, ReportText.Title(report.Title).In(report.Language));
        return $"""
            <!doctype html>
            <html lang="{(vietnamese ? "vi" : "en")}">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            {Write(title)}
            <style>
            {Style()}</style>
            </head>
            {Write(body)}
            </html>

            """.ReplaceLineEndings("\n");
    }

    private static XElement LanguageSwitch(bool vietnamese) => Element("nav", "language",
        new XAttribute("aria-label", "Language / Ngôn ngữ"),
        Choice("en", "English", !vietnamese), Choice("vi", "Tiếng Việt", vietnamese));

    private static XElement[] Choice(string language, string name, bool chosen) =>
    [
        Element("input", null, new XAttribute("type", "radio"), new XAttribute("name", "language"),
            new XAttribute("id", language), chosen ? new XAttribute("checked", "checked") : null),
        Element("label", null, new XAttribute("for", language), new XAttribute("lang", language), name),
    ];

    private static XElement Header(RunReport report) => Element("header", null,
        Element("p", "outcome " + report.Result.Reason.ToString().ToLowerInvariant(),
            Words(ReportText.Outcome(report.Result.Reason))),
        Element("h1", null, Said(ReportText.Title(report.Title))),
        Element("dl", report.Scores.Count > 0 ? "headline scored" : "headline",
            ReportFacts.Headline(report).Select(fact => Element("div", null,
                Element("dt", null, Words(fact.Label)), Element("dd", null, Said(fact.Value))))));

    private static string Write(XElement element) => element.ToString(SaveOptions.DisableFormatting);

    /// <summary>The style sheet of pages.</summary>
    internal static string Style()
    {
        using var stream = typeof(HtmlReport).Assembly.GetManifestResourceStream("Lorikeet.Runs.Reports.report.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static string Version() => typeof(HtmlReport).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
