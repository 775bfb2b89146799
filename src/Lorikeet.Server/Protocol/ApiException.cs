using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Protocol;

/// <summary>A request that is refused, in the terms of OpenAI's errors.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="message">What is wrong with the actual value, what was expected, and what to do.</param>
internal sealed class ApiException(int status, string message) : LorikeetException(message)
{
    /// <summary>The HTTP status.</summary>
    public int Status => status;

    /// <summary>The argument that is wrong, as a path such as <c>messages[0].content</c>; null for none.</summary>
    public string? Param { get; init; }

    /// <summary>A name of the error for programs; null where the type says all.</summary>
    public string? Code { get; init; }

    /// <summary>When to try again; null for never or at once.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The kind of error, as OpenAI names it.</summary>
    public string Type => status switch
    {
        StatusCodes.Status401Unauthorized => "authentication_error",
        StatusCodes.Status403Forbidden => "permission_error",
        StatusCodes.Status429TooManyRequests => "rate_limit_error",
        >= StatusCodes.Status500InternalServerError => "server_error",
        _ => "invalid_request_error",
    };

    /// <summary>An argument that is wrong.</summary>
    public static ApiException Wrong(string? param, string message, string? code = null) =>
        new(StatusCodes.Status400BadRequest, message) { Param = param, Code = code };

    /// <summary>An argument that is out of range or of the wrong kind.</summary>
    /// <param name="param">Its path.</param>
    /// <param name="actual">Its value.</param>
    /// <param name="expected">What it must be, as the end of "Expected ".</param>
    public static ApiException Unexpected(string param, object? actual, string expected) =>
        Wrong(
            param, FormattableString.Invariant($"'{param}' is {actual ?? "null"}. Expected {expected}."),
            "invalid_value");

    /// <summary>An argument that is needed.</summary>
    public static ApiException Missing(string param, string expected) =>
        Wrong(param, $"'{param}' is missing. Expected {expected}.", "missing_required_parameter");
}
