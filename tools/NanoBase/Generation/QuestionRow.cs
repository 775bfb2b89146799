using System.Text.Json;
using System.Text.Json.Serialization;
using Lorikeet.Formats.Json;

namespace NanoBase.Generation;

/// <summary>
/// A row of <c>assets/facts-qa</c>. Training reads <see cref="Text"/>, in the form of OpenAssistant-Guanaco; the other
/// fields say where the question comes from.
/// </summary>
internal sealed record QuestionRow(
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("language")] string Language,
    [property: JsonPropertyName("domain")] string Domain,
    [property: JsonPropertyName("attribute")] string Attribute,
    [property: JsonPropertyName("entity")] string Entity)
{
    public const string HumanMark = "### Human: ";
    public const string AssistantMark = " ### Assistant: ";

    [JsonIgnore]
    public string Answer => Text[(Text.IndexOf(AssistantMark, StringComparison.Ordinal) + AssistantMark.Length)..];

    public static string Compose(string question, string answer) => HumanMark + question + AssistantMark + answer;

    public string ToJson() => JsonSerializer.Serialize(this, JsonFormats.Line);

    public static QuestionRow Parse(string json) => JsonSerializer.Deserialize<QuestionRow>(json)!;
}
