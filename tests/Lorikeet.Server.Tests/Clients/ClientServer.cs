using System.ClientModel;
using System.ClientModel.Primitives;
using Lorikeet.Models.Generation;
using Lorikeet.Serving;
using OpenAI;

namespace Lorikeet.Server.Tests.Clients;

/// <summary>
/// A server with a key for clients of other people, which hold conversations with it as with OpenAI's.
/// </summary>
internal sealed class ClientServer : IAsyncDisposable
{
    public const string Key = "a-key-of-the-tests";
    public const string Question = "What is the atomic number of terbium?";

    /// <summary>JSON schema of the arguments of <c>weather</c>.</summary>
    public const string WeatherArguments =
        """
        {"type": "object", "properties": {"city": {"type": "string", "enum": ["Hue", "Hanoi"]}},
         "required": ["city"], "additionalProperties": false}
        """;

    /// <summary>JSON schema of an answer.</summary>
    public const string ElementSchema =
        """
        {"type": "object",
         "properties": {"kind": {"type": "string", "enum": ["metal", "gas"]}, "rare": {"type": "boolean"}},
         "required": ["kind", "rare"], "additionalProperties": false}
        """;

    private readonly TestServer _server;
    private readonly ModelHost _host;
    private readonly IDisposable? _model;

    private ClientServer(TestServer server, ModelHost host, IDisposable? model) =>
        (_server, _host, _model) = (server, host, model);

    /// <summary>Where clients find it.</summary>
    public Uri Endpoint => new(_server.Server.Address, "v1");

    /// <summary>What is decoded now.</summary>
    public EngineStatistics Statistics => _host.Statistics;

    /// <summary>One on the host of all tests.</summary>
    public static async Task<ClientServer> Start(NanoModel nano) =>
        new(await TestServer.Start(nano.Host, Options), nano.Host, model: null);

    /// <summary>One that decodes one request at a time, and lets none wait.</summary>
    public static Task<ClientServer> StartNarrow(NanoModel nano) =>
        Start(nano, NanoModel.Small with { MaxSequences = 1, MaxQueue = 0 });

    /// <summary>One whose context is that of the model.</summary>
    public static Task<ClientServer> StartLong(NanoModel nano) =>
        Start(nano, NanoModel.Small with { MaxLength = null });

    /// <summary>OpenAI's client, which asks once and not again.</summary>
    public OpenAIClient Client(string key = Key) => new(
        new ApiKeyCredential(key),
        new OpenAIClientOptions { Endpoint = Endpoint, RetryPolicy = new ClientRetryPolicy(0) });

    /// <summary>Waits until no request is decoded, as it is once those who left have been noticed.</summary>
    public async Task WaitUntilIdle()
    {
        while (Statistics is { Running: > 0 } or { Queued: > 0 })
            await Task.Delay(10, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        if (_model is null)
            return;
        await _host.DisposeAsync();
        _model.Dispose();
    }

    private static ServerOptions Options => new() { ApiKeys = [Key] };

    private static async Task<ClientServer> Start(NanoModel nano, EngineOptions options)
    {
        var model = nano.Load();
        var host = ModelHost.Start(model, options);
        return new(await TestServer.Start(host, Options), host, model);
    }
}
