using Lorikeet.Models.Generation;
using Lorikeet.Server.Access;
using Lorikeet.Server.Endpoints;
using Lorikeet.Server.Protocol;
using Lorikeet.Server.Telemetry;
using Lorikeet.Serving;
using Lorikeet.Text.ChatTemplates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Lorikeet.Server;

/// <summary>
/// Turns whatever goes wrong with a request into an error of the protocol, and tells strangers nothing else.
/// </summary>
/// <param name="metrics">Counts errors.</param>
/// <param name="report">Hears of faults of the server, with their stack.</param>
internal sealed class Faults(ServerMetrics metrics, Action<string> report)
{
    private const int ClientLeft = 499;

    // What was said of a response before its error is written.
    private static readonly string[] s_kept =
        [HeaderNames.AccessControlAllowOrigin, HeaderNames.Vary, HeaderNames.Allow, RequestIds.Header];

    /// <summary>Runs the rest of the pipeline.</summary>
    public async Task Guard(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
            if (!context.Response.HasStarted && Unanswered(context) is { } unanswered)
                throw unanswered;
        }
        catch (Exception fault)
        {
            var visit = context.Features.Get<Admission.Visit>();
            if (context.RequestAborted.IsCancellationRequested)
            {
                metrics.CountRefusal(ClientLeft);
                return;
            }

            var error = Explain(fault, context, visit);
            metrics.CountRefusal(error.Status);
            await Write(context, error);
        }
    }

    /// <summary>What routing leaves without a body.</summary>
    private static ApiException? Unanswered(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => new ApiException(
            StatusCodes.Status404NotFound,
            $"'{context.Request.Method} {context.Request.Path}' is not offered. GET /v1/models lists the models; "
            + "embeddings, audio and images are none of what they do.")
        { Code = "unknown_url" },
        StatusCodes.Status405MethodNotAllowed => new ApiException(
            StatusCodes.Status405MethodNotAllowed,
            $"{context.Request.Method} is not offered for '{context.Request.Path}'. Expected "
            + $"{context.Response.Headers.Allow}."),
        _ => null,
    };

    private ApiException Explain(Exception fault, HttpContext context, Admission.Visit? visit)
    {
        switch (fault)
        {
            case ApiException known:
                return known;
            case OperationCanceledException when visit?.Explain() is { } ended:
                return ended;
            case UnknownModelException unknown:
                return Service.NotFound(unknown);
            case ContextLengthException tooLong:
                return ApiException.Wrong(
                    PromptArgument.Of(context),
                    $"The context holds {tooLong.MaxLength} tokens. The prompt has {tooLong.PromptTokens}, and "
                    + $"{tooLong.NewTokens} were asked for besides. Expected no more than fit: shorten the prompt, or "
                    + "ask for fewer.",
                    "context_length_exceeded");
            case EngineBusyException:
                return new ApiException(StatusCodes.Status429TooManyRequests, fault.Message)
                { Code = "queue_full", RetryAfter = TimeSpan.FromSeconds(1) };
            case BadHttpRequestException bad:
                return new ApiException(bad.StatusCode, bad.StatusCode == StatusCodes.Status413PayloadTooLarge
                    ? "The body is larger than the server takes (max_body_bytes). Send less."
                    : $"The request cannot be read: {bad.Message}");
            case HubException { IsNotFound: false }:
                return new ApiException(StatusCodes.Status502BadGateway, HiddenPaths.In(fault.Message));
            case ConfigurationException or CheckpointException or DatasetException or HubException
                or ChatTemplateException:
                return ApiException.Wrong(null, HiddenPaths.In(fault.Message));
            default:
                report(fault.ToString());
                return new ApiException(
                    StatusCodes.Status500InternalServerError, "The server failed to answer. Its own output says why.");
        }
    }

    private static async Task Write(HttpContext context, ApiException error)
    {
        var response = context.Response;
        if (response.HasStarted)
        {
            // The status is sent; a stream ends with the error in place of the rest.
            if (EventStream.Of(context) is { } stream)
                await stream.WriteFault(stream, error);
            return;
        }

        var kept = s_kept.Select(name => (Name: name, Value: response.Headers[name])).ToList();
        response.Clear();
        foreach (var (name, value) in kept)
            response.Headers[name] = value;
        response.StatusCode = error.Status;
        if (error.RetryAfter is { } wait)
            response.Headers.RetryAfter = FormattableString.Invariant($"{wait.TotalSeconds:F0}");
        if (error.Status == StatusCodes.Status401Unauthorized)
            response.Headers.WWWAuthenticate = "Bearer";
        if (error.Code == "request_timeout")
            response.Headers["X-Should-Retry"] = "false"; // it would take as long again
        await response.WriteAsJsonAsync(ErrorBody.Of(error), ProtocolJson.Wire.ErrorBody);
    }
}
