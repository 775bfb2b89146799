using System.Text.Json.Nodes;
using Lorikeet.Cli.Shell;
using Lorikeet.Data.Encoded;

namespace Lorikeet.Cli.Verbs;

/// <summary>The language that the embedded data names for each of its questions.</summary>
internal sealed class QuestionLanguages
{
    public const string English = "English";
    public const string Vietnamese = "Vietnamese";

    private readonly Dictionary<string, string[]> _lines = [];

    /// <summary>The language of a question; null where the data names none that is known.</summary>
    public string? Of(Question question)
    {
        if (!_lines.TryGetValue(question.Origin.File, out var lines))
            lines = _lines[question.Origin.File] = File.ReadAllLines(EmbeddedFiles.Locate(question.Origin.File));
        return JsonNode.Parse(lines[(int)question.Origin.Number - 1])!["language"]?.GetValue<string>() switch
        {
            "en" => English,
            "vi" => Vietnamese,
            _ => null,
        };
    }
}
