using Lorikeet.Models.Generation;
using Lorikeet.Server.Access;
using Lorikeet.Server.Protocol;
using Lorikeet.Server.Telemetry;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>What the endpoints share.</summary>
/// <param name="Host">The models.</param>
/// <param name="Admission">Who is let in.</param>
/// <param name="Metrics">What is counted.</param>
/// <param name="Sources">Where adapters may come from.</param>
/// <param name="Clock">The time.</param>
internal sealed record Service(
    ModelHost Host, Admission Admission, ServerMetrics Metrics, AdapterSources Sources, TimeProvider Clock)
{
    /// <summary>How long a stream may say nothing before a comment shows that it lives.</summary>
    public static TimeSpan Silence { get; } = TimeSpan.FromSeconds(10);

    /// <summary>Texts of single tokens.</summary>
    public TokenTexts Tokens { get; } = new(Host.Model.Tokenizer);

    /// <summary>Seconds since 1970.</summary>
    public long Now => Clock.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>The model that a request names; the default where it names none.</summary>
    /// <exception cref="ApiException">There is none of the name.</exception>
    public ServedModel Find(string? name)
    {
        try
        {
            return Host.Find(string.IsNullOrEmpty(name) ? null : name);
        }
        catch (UnknownModelException fault)
        {
            throw NotFound(fault);
        }
    }

    /// <summary>A model that is not served, as an error of the protocol.</summary>
    public static ApiException NotFound(UnknownModelException fault) =>
        new(StatusCodes.Status404NotFound, fault.Message) { Param = "model", Code = "model_not_found" };

    /// <summary>A part of the path, in which clients may have written slashes as %2F.</summary>
    public static string RouteValue(HttpContext context, string name) =>
        // The only sign that is left as it came; others are decoded, and are not to be decoded twice.
        ((string)context.Request.RouteValues[name]!).Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    /// <summary>Refuses more answers than can ever be under way or wait at once.</summary>
    /// <exception cref="ApiException">There are more.</exception>
    public void RequireRoom(string param, long answers)
    {
        if (answers > Host.Statistics.Capacity)
        {
            throw ApiException.Wrong(
                param,
                $"The request asks for {answers} answers. Expected no more than the {Host.Statistics.Capacity} that "
                + "can be under way and wait (max_num_seqs + max_queue): ask for them in several requests.",
                "invalid_value");
        }
    }

    /// <summary>A new name, such as chatcmpl-1f3a...</summary>
    /// <param name="prefix">What it begins with.</param>
    public static string NewId(string prefix) => prefix + Guid.NewGuid().ToString("N");

    /// <summary>The tokens that a request took.</summary>
    public static WireUsage Usage(TokenUsage usage) => new(
        usage.PromptTokens, usage.CompletionTokens, usage.PromptTokens + usage.CompletionTokens,
        new PromptTokensDetails(usage.CachedTokens));
}
