using System.ClientModel;
using System.ClientModel.Primitives;
using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Lorikeet.Documents.Passages;
using Lorikeet.Formats.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using OpenAI;

namespace Lorikeet.Documents.Tests;

/// <summary>
/// A server that speaks OpenAI's protocol over real HTTP. It writes rows by rule: of each sentence the beginning is the
/// question, the rest the answer; a test may have it answer otherwise.
/// </summary>
internal sealed class ScriptedEndpoint : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<JsonNode> _requests = new();
    private int _running;
    private int _mostAtOnce;

    private ScriptedEndpoint(WebApplication app) => _app = app;

    /// <summary>Takes a request and its number, and gives the answer's text; null for that of the rule.</summary>
    public Func<JsonNode, int, string?>? Answer { get; init; }

    /// <summary>Gives the status of a request, by its number; 200 where it is null.</summary>
    public Func<int, int>? Status { get; init; }

    public IReadOnlyCollection<JsonNode> Requests => _requests;

    public int MostAtOnce => _mostAtOnce;

    public Uri Address => new(_app.Urls.Single() + "/v1");

    public static async Task<ScriptedEndpoint> Start(
        Func<JsonNode, int, string?>? answer = null, Func<int, int>? status = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var endpoint = new ScriptedEndpoint(app) { Answer = answer, Status = status };
        app.MapPost("/v1/chat/completions", endpoint.Complete);
        app.MapGet("/v1/models", () => Results.Text(
            """{"object":"list","data":[{"id":"scripted","object":"model","created":1,"owned_by":"test"}]}""",
            "application/json"));
        await app.StartAsync();
        return endpoint;
    }

    /// <summary>A client of it, which itself tries nothing twice.</summary>
    public IChatClient Client() => new OpenAIClient(
        new ApiKeyCredential("sk-test"),
        new OpenAIClientOptions { Endpoint = Address, RetryPolicy = new ClientRetryPolicy(0) })
        .GetChatClient("scripted").AsIChatClient();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>The rows of the rule.</summary>
    public static string Rows(JsonNode request)
    {
        var text = (string)request["messages"]!.AsArray().First(
            message => (string)message!["role"]! == "user")!["content"]!;
        var passage = text[(text.LastIndexOf("\n\n", StringComparison.Ordinal) is > 0 and var at ? at + 2 : 0)..];
        var rows = Sentences.Of(passage, 0, passage.Length).Select(slice => slice.Of(passage))
            .Where(sentence => sentence.Count(' '.Equals) > 3).Take(3).Select(sentence =>
            {
                var half = sentence.IndexOf(' ', sentence.Length / 2 - 1 is > 0 and var middle ? middle : 0);
                half = half < 0 ? sentence.IndexOf(' ') : half;
                return (JsonNode)new JsonObject
                {
                    ["quote"] = sentence,
                    ["question"] = $"How does it go on: {sentence[..half]}?",
                    ["answer"] = sentence[half..].Trim(),
                };
            });
        return new JsonObject { ["rows"] = new JsonArray([.. rows]) }.ToJsonString(JsonFormats.Line);
    }

    private async Task Complete(HttpContext context)
    {
        var running = Interlocked.Increment(ref _running);
        InterlockedMax(ref _mostAtOnce, running);
        try
        {
            var request = (await JsonNode.ParseAsync(context.Request.Body))!;
            _requests.Enqueue(request);
            var number = _requests.Count;
            if (Status?.Invoke(number) is { } status and not 200)
            {
                context.Response.StatusCode = status;
                await context.Response.WriteAsync("""{"error":{"message":"scripted"}}""");
                return;
            }

            await Task.Yield();
            var answer = Answer?.Invoke(request, number) ?? Rows(request);
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(new JsonObject
            {
                ["id"] = $"chatcmpl-{number}",
                ["object"] = "chat.completion",
                ["created"] = 1,
                ["model"] = "scripted",
                ["choices"] = new JsonArray(new JsonObject
                {
                    ["index"] = 0,
                    ["finish_reason"] = "stop",
                    ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = answer },
                }),
                ["usage"] = new JsonObject
                { ["prompt_tokens"] = 7, ["completion_tokens"] = 5, ["total_tokens"] = 12 },
            }.ToJsonString());
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = most; value > seen; seen = most)
            Interlocked.CompareExchange(ref most, value, seen);
    }
}
