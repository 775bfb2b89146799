using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Generation;
using Lorikeet.Server;
using Lorikeet.Serving;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>The server that is measured: one that runs, or one of this process on a free port.</summary>
internal sealed class AskedServer : IAsyncDisposable
{
    private readonly List<object> _parts;

    private AskedServer(Uri address, IReadOnlyList<string> asked, IReadOnlyList<string> all, List<object> parts) =>
        (Address, Asked, All, _parts) = (address, asked, all, parts);

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>The models that are asked in turn: the adapters that the options name, or one.</summary>
    public IReadOnlyList<string> Asked { get; }

    /// <summary>All of its models.</summary>
    public IReadOnlyList<string> All { get; }

    /// <summary>
    /// Token ids of a model without a tokenizer, which prompts are then made of; null where words are.
    /// </summary>
    public int? Vocabulary { get; private init; }

    /// <summary>Whether it is in this process, whose memory is then the server's too.</summary>
    public bool IsOwn => _parts.Count > 0;

    /// <summary>Finds or starts it.</summary>
    /// <param name="options">The model and how it is loaded, or the shape of one of random weights.</param>
    /// <param name="load">The running server, or the adapters of an own one.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="ConfigurationException">An option has an unknown value.</exception>
    public static async Task<AskedServer> Open(
        BenchmarkOptions options, LoadOptions load, CancellationToken cancellation)
    {
        if (load.Url is { } url)
        {
            if (!Uri.TryCreate(url.TrimEnd('/') + "/", UriKind.Absolute, out var address))
                throw new ConfigurationException(
                    $"'url' is '{url}'. Expected an address such as http://127.0.0.1:8080.");
            using var client = new LoadClient(address);
            var models = await client.Models(cancellation);
            return new AskedServer(address, load.Adapters.Count > 0 ? load.Adapters : [models[^1]], models, []);
        }

        var model = options.Model is null && load.Adapters.Count == 0
            ? LanguageModel.Of(BenchmarkModel.Create(options, BenchmarkMachine.Open(options)), options.Shape)
            : Load(options, load, cancellation);
        var host = ModelHost.Start(model, new EngineOptions { MaxSequences = load.Streams });
        var server = await ModelServer.Start(host, new ServerOptions { Port = 0 }, cancellation: cancellation);
        List<string> adapters = [.. host.Models.Where(served => served.Base is not null).Select(served => served.Name)];
        return new AskedServer(
            server.Address, adapters.Count > 0 ? adapters : [host.Default.Name],
            [.. host.Models.Select(served => served.Name)], [server, host, model])
        {
            Vocabulary = model.Tokenizer is null ? model.Decoder.Config.VocabularySize : null,
        };
    }

    private static LanguageModel Load(BenchmarkOptions options, LoadOptions load, CancellationToken cancellation) =>
        LanguageModel.Load(options.Model ?? "", new LanguageModelOptions
        {
            Adapters = NamedAdapter.Parse(load.Adapters),
            Quantization = options.Quantization switch
            {
                "none" => Quantization.None,
                "nf4" => Quantization.Nf4,
                "fp4" => Quantization.Fp4,
                _ => throw new ConfigurationException(
                    $"'quant' is '{options.Quantization}'. Expected none, nf4 or fp4."),
            },
            ComputeType = options.Type,
            Device = options.Device,
            LibTorch = options.LibTorch,
        }, cancellation: cancellation);

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _parts)
        {
            if (part is IAsyncDisposable later)
                await later.DisposeAsync();
            else
                ((IDisposable)part).Dispose();
        }
    }
}
