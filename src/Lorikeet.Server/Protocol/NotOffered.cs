using System.Text.Json;

namespace Lorikeet.Server.Protocol;

/// <summary>
/// Arguments of OpenAI's API and vLLM's that would change an answer, or what is told of it, and that are not done here:
/// given at the value that changes nothing they are read over as other strange arguments are, else refused.
/// </summary>
internal static class NotOffered
{
    private const string Nothing = "none: it is not offered here";

    private static readonly Dictionary<string, (Func<JsonElement, bool> IsIdle, string Expected)> s_arguments = new()
    {
        ["functions"] = (IsEmpty, "none: 'tools' took their place"),
        ["function_call"] =
            (value => IsEmpty(value) || IsText(value, "auto", "none"), "none: 'tool_choice' took its place"),
        ["modalities"] = (value => IsEmpty(value) || ElementsOf(value).All(one => IsText(one, "text")), "[\"text\"]"),
        ["audio"] = (IsEmpty, Nothing),
        ["web_search_options"] = (IsEmpty, Nothing),
        ["use_beam_search"] = (IsFalse, "false: answers are decoded token by token"),
        ["prompt_logprobs"] = (IsEmpty, "none: /v1/completions gives them with 'echo' and 'logprobs'"),
        ["include_stop_str_in_output"] = (IsFalse, "false: what ends an answer is no part of it"),
        ["skip_special_tokens"] =
            (value => !IsFalse(value) || IsEmpty(value), "true: special tokens are no part of an answer"),
        ["continue_final_message"] = (IsFalse, "false: an answer begins a turn of its own"),
        ["truncate_prompt_tokens"] = (IsEmpty, "none: nothing of a prompt is left out"),
        ["allowed_token_ids"] = (IsEmpty, "none: 'guided_choice', 'guided_regex' and 'logit_bias' do alike"),
        ["bad_words"] = (IsEmpty, "none: 'logit_bias' of -100 does alike"),
        ["guided_grammar"] = (IsEmpty, "none: 'guided_regex' and 'guided_json' are offered"),
        ["logits_processors"] = (IsEmpty, Nothing),
        ["chat_template"] = (IsEmpty, "none: the model's own is used"),
        ["documents"] = (IsEmpty, "none: say them in 'messages'"),
        ["return_token_ids"] = (IsFalse, "false: 'logprobs' names the tokens"),
        ["prompt_embeds"] = (IsEmpty, Nothing),
    };

    /// <summary>What was expected instead of an argument; null where it may be read over.</summary>
    public static string? Expected(string name, JsonElement value) =>
        s_arguments.TryGetValue(name, out var known) && !known.IsIdle(value) ? known.Expected : null;

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.String => value.ValueEquals(""u8),
        _ => false,
    };

    private static bool IsFalse(JsonElement value) => value.ValueKind is JsonValueKind.False or JsonValueKind.Null;

    private static bool IsText(JsonElement value, params ReadOnlySpan<string> texts)
    {
        foreach (var text in texts)
            if (value.ValueKind == JsonValueKind.String && value.ValueEquals(text))
                return true;
        return false;
    }

    private static IEnumerable<JsonElement> ElementsOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];
}
