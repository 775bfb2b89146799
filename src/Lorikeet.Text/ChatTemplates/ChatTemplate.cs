using System.Text.Json.Nodes;

namespace Lorikeet.Text.ChatTemplates;

/// <summary>A chat template (Jinja source) that renders messages to text as transformers does.</summary>
public sealed class ChatTemplate
{
    /// <summary>Parses a template.</summary>
    /// <exception cref="CheckpointException">The source is not valid Jinja, or uses an unknown filter or test.</exception>
    public static ChatTemplate Parse(string source) => throw new NotImplementedException(source);

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">Objects with <c>role</c> and <c>content</c> (and whatever else the template reads).</param>
    /// <param name="addGenerationPrompt">Whether to end with the marker that begins an assistant's turn.</param>
    /// <param name="tools">Tool descriptions, or null.</param>
    /// <param name="variables">Further variables, such as <c>bos_token</c> and <c>eos_token</c>.</param>
    public RenderedChat Render(
        JsonArray messages, bool addGenerationPrompt = false, JsonArray? tools = null, JsonObject? variables = null) =>
        throw new NotImplementedException();
}

/// <summary>A rendered conversation.</summary>
/// <param name="Text">The text the model reads.</param>
/// <param name="AssistantSpans">
/// Half-open ranges of <paramref name="Text"/> (UTF-16 code units) that an assistant's turn produces: its content and
/// the end-of-turn marker after it, found without <c>{% generation %}</c>.
/// </param>
public sealed record RenderedChat(string Text, IReadOnlyList<(int Start, int End)> AssistantSpans);
