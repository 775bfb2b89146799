namespace Lorikeet.Data.Shapes;

/// <summary>Who speaks, in the many spellings of datasets.</summary>
public static class MessageRoles
{
    /// <summary>What a role may be, for messages.</summary>
    internal const string Expected =
        "system, user, assistant, tool (or what other tools call them: human, gpt, developer ...)";

    /// <summary>A call of a tool that ShareGPT writes as a turn of its own.</summary>
    internal const string FunctionCall = "function_call";

    private static readonly Dictionary<string, string[]> Spellings = new()
    {
        ["system"] = [],
        ["user"] = ["human", "prompter"],
        ["assistant"] = ["gpt", "chatgpt", "model", "bot", "bard", "bing", "ai"],
        ["tool"] = ["function_response", "tool_response", "tool_result"],
        [FunctionCall] = ["tool_call"],

        // Templates that know these treat them apart; PromptFormat gives the others what they stand for.
        ["developer"] = [],
        ["observation"] = [],
        ["function"] = [],
        ["ipython"] = [],
    };

    private static readonly Dictionary<string, string> Roles = Spellings
        .SelectMany(role => role.Value.Prepend(role.Key).Select(spelling => (spelling, role.Key)))
        .ToDictionary(pair => pair.spelling, pair => pair.Key, StringComparer.OrdinalIgnoreCase);

    /// <summary>The role that templates know, whatever its spelling; null for one that is not known.</summary>
    /// <param name="role">As a dataset writes it: <c>human</c>, <c>gpt</c>, <c>Assistant</c> ...</param>
    /// <returns>
    /// <c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c> or another of the roles that templates know.
    /// </returns>
    public static string? TryRead(string role) => Roles.GetValueOrDefault(role.Trim());

    /// <summary>What a role is to a template that does not mention it.</summary>
    internal static string Plain(string role) => role switch
    {
        "developer" => "system",
        "observation" or "function" or "ipython" => "tool",
        _ => role,
    };
}
