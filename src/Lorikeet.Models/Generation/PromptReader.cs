using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation;

/// <summary>A prompt ready for the model.</summary>
/// <param name="Ids">Token ids.</param>
/// <param name="Text">The text they came from, in the prompt format; null for ids that were given.</param>
/// <param name="Adapter">The adapter that is to answer; null for the active one.</param>
public sealed record Prompt(int[] Ids, string? Text, string? Adapter = null);

/// <summary>Turns what users write into prompts: text, messages or token ids.</summary>
/// <param name="tokenizer">The model's tokenizer; null for a model that takes token ids only.</param>
/// <param name="format">How a plain prompt is asked; null leaves it as it is.</param>
/// <param name="system">System prompt put before every question; null for none.</param>
public sealed class PromptReader(Tokenizer? tokenizer, PromptFormat? format, string? system)
{
    /// <summary>
    /// Texts that end an answer to the prompts read so far: those of the format, once one was asked in it.
    /// </summary>
    public IReadOnlyList<string> StopStrings => _isFormatted ? Format.StopStrings : [];

    private bool _isFormatted;

    private PromptFormat Format => format ?? PromptFormats.Create(null, tokenizer);

    /// <summary>A prompt, asked in the format unless it is written in such a format already.</summary>
    /// <param name="text">A question, or text to continue where there is no format.</param>
    /// <exception cref="ConfigurationException">The model has no tokenizer.</exception>
    public Prompt Read(string text) =>
        (format is null && system is null) || PromptFormats.IsWritten(text)
            ? Encode(text, isAnswered: PromptFormats.IsWritten(text))
            : Read(new JsonArray(Message("user", text)));

    /// <summary>A conversation that the model is to continue; an answer at its end is left out.</summary>
    /// <param name="messages">Objects with <c>role</c> and <c>content</c>.</param>
    /// <exception cref="ConfigurationException">The model has no tokenizer.</exception>
    public Prompt Read(JsonArray messages)
    {
        var asked = messages.Select(message => message!.DeepClone()).ToList();
        if (asked.FindLastIndex(message => RoleOf((JsonObject)message) != "assistant") is var last
            && last < asked.Count - 1)
            asked.RemoveRange(last + 1, asked.Count - last - 1);
        if (system is not null && (string?)asked.FirstOrDefault()?["role"] != "system")
            asked.Insert(0, Message("system", system));
        _isFormatted = true;
        foreach (var message in asked.OfType<JsonObject>())
            message["role"] = RoleOf(message);
        var (text, boundaries) = Format.RenderConversation(new JsonArray([.. asked]));
        return Encoder() is { } encoder
            ? new Prompt(encoder.EncodePrompt(text, boundaries), text)
            : throw NoTokenizer();
    }

    /// <summary>The role as templates know it, where it is known.</summary>
    private static string? RoleOf(JsonObject message) =>
        message["role"] is JsonValue value && value.TryGetValue<string>(out var role)
            ? MessageRoles.TryRead(role) ?? role
            : null;

    /// <summary>
    /// A row with <c>input_ids</c>, <c>messages</c> or <c>prompt</c> (also <c>question</c> or <c>text</c>).
    /// </summary>
    /// <param name="row">A row of a data file.</param>
    /// <exception cref="DatasetException">The row has none of these, or one of the wrong kind.</exception>
    /// <exception cref="ConfigurationException">The row is text and the model has no tokenizer.</exception>
    public Prompt Read(DataRow row)
    {
        if (row.Values["input_ids"] is JsonArray)
            return new Prompt(RowIds.Read(row), null);
        if (row.Values["messages"] is JsonArray messages)
        {
            return messages.All(IsTurn) ? Read(messages) : throw new DatasetException(
                $"{row.Origin}: 'messages' is no list of turns. Objects with 'role' and 'content' were expected. " +
                "Correct the row.");
        }

        foreach (var name in new[] { "prompt", "question", "text" })
            if (row.Values[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String)
                return Read(value.GetValue<string>());
        throw new DatasetException(
            $"{row.Origin}: the row has {string.Join(", ", row.Values.Select(cell => $"'{cell.Key}'"))}. "
            + "'prompt', 'messages' or 'input_ids' was expected. Rename a column.");
    }

    private static bool IsTurn(JsonNode? message) =>
        message is JsonObject turn && turn["role"] is JsonValue role && role.GetValueKind() == JsonValueKind.String;

    /// <summary>
    /// Text as it stands; where it ends in the marker of an answer, that is asked for as training asked.
    /// </summary>
    private Prompt Encode(string text, bool isAnswered)
    {
        var encoder = Encoder() ?? throw NoTokenizer();
        return new Prompt(isAnswered ? encoder.EncodePrompt(text) : encoder.EncodeText(text), text);
    }

    private TextEncoder? Encoder() => tokenizer is null ? null : new TextEncoder(tokenizer);

    private static ConfigurationException NoTokenizer() => new(
        "The model has no tokenizer, so text cannot be read. Put tokenizer.json or tokenizer.model into its folder, " +
        "or give rows of 'input_ids'.");

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
