using System.Text.Json.Nodes;
using Lorikeet.Server.Protocol;
using Lorikeet.Serving;

namespace Lorikeet.Server.Endpoints;

/// <summary>How much a model is to think before it answers, where its template lets a request say so.</summary>
internal static class AskedThinking
{
    private const string Switch = "enable_thinking"; // of Qwen 3 and others
    private const string Effort = "reasoning_effort"; // of gpt-oss and others

    private static readonly string[] s_efforts = ["none", "minimal", "low", "medium", "high", "xhigh"];

    /// <summary>
    /// What the template may refer to, with what the effort means to it; other templates do not hear of it.
    /// </summary>
    /// <param name="given">The request's own variables, which come first.</param>
    /// <param name="param">The name of the argument that has the effort.</param>
    /// <param name="effort">The effort; null for the model's own.</param>
    /// <param name="model">The model that answers.</param>
    /// <exception cref="ApiException">The effort is none that OpenAI's API knows.</exception>
    public static JsonObject? Variables(JsonObject? given, string param, string? effort, ServedModel model)
    {
        if (effort is null)
            return given;
        if (!s_efforts.Contains(effort))
            throw ApiException.Unexpected(param, $"'{effort}'", string.Join(", ", s_efforts));
        var variables = given?.DeepClone().AsObject() ?? [];
        if (model.Format.Template.Contains(Switch, StringComparison.Ordinal))
            variables.TryAdd(Switch, effort is not ("none" or "minimal"));
        if (model.Format.Template.Contains(Effort, StringComparison.Ordinal))
            variables.TryAdd(Effort, effort);
        return variables;
    }
}
