using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>An error as OpenAI's clients read it.</summary>
internal sealed record ErrorBody(ErrorDetail Error)
{
    /// <summary>The body of a refusal.</summary>
    public static ErrorBody Of(ApiException fault) =>
        new(new ErrorDetail(fault.Message, fault.Type, fault.Param, fault.Code));
}

/// <summary>What is wrong.</summary>
internal sealed record ErrorDetail(
    string Message,
    string Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Code);
