using System.ClientModel;
using Lorikeet.Cli.Rendering;
using Lorikeet.Extensions.AI;
using Lorikeet.Formats;
using Lorikeet.Models.Quantization;
using Microsoft.Extensions.AI;
using OpenAI;

namespace Lorikeet.Cli.Inference;

/// <summary>Who writes rows: an endpoint, or a model that is loaded for it.</summary>
internal sealed class RowWriterClient : IDisposable
{
    private readonly LanguageModel? _model;

    private RowWriterClient(IChatClient client, Microsoft.Extensions.AI.ChatOptions chat, LanguageModel? model) =>
        (Client, Chat, _model) = (client, chat, model);

    /// <summary>Who is asked.</summary>
    public IChatClient Client { get; }

    /// <summary>What goes with every request.</summary>
    public Microsoft.Extensions.AI.ChatOptions Chat { get; }

    /// <summary>Whether it is a model of this machine.</summary>
    public bool IsLocal => _model is not null;

    /// <summary>Opens the endpoint, or loads the model.</summary>
    public static RowWriterClient Open(
        RowWriterOptions options, QuantizationOptions quantization, double requestSeconds, Terminal terminal)
    {
        if (options.With.Length == 0)
        {
            throw new ConfigurationException(
                "Nobody is named who is to write. Give 'with': the address of an endpoint, such as "
                + "http://127.0.0.1:8080/v1, or a model.");
        }

        var chat = new Microsoft.Extensions.AI.ChatOptions
        { MaxOutputTokens = options.MaxAnswerTokens, Temperature = options.Temperature };
        return Uri.TryCreate(options.With, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? OpenEndpoint(address, options, chat, requestSeconds, terminal)
            : Load(options, quantization, chat, terminal);
    }

    public void Dispose()
    {
        Client.Dispose();
        _model?.Dispose();
    }

    private static RowWriterClient OpenEndpoint(
        Uri address, RowWriterOptions options, Microsoft.Extensions.AI.ChatOptions chat, double requestSeconds,
        Terminal terminal)
    {
        var key = Environment.GetEnvironmentVariable(options.KeyVariable);
        if (string.IsNullOrEmpty(key))
            terminal.Error.WriteLine($"{options.KeyVariable} is not set; asking without a key.");
        var endpoint = new OpenAIClient(
            new ApiKeyCredential(string.IsNullOrEmpty(key) ? "none" : key),
            new OpenAIClientOptions { Endpoint = address, NetworkTimeout = TimeSpan.FromSeconds(requestSeconds) });
        var model = options.Model ?? OnlyModel(endpoint, address);
        chat.ModelId = model;
        chat.AdditionalProperties = new() { ["strict"] = true };
        return new RowWriterClient(endpoint.GetChatClient(model).AsIChatClient(), chat, null);
    }

    private static string OnlyModel(OpenAIClient endpoint, Uri address)
    {
        const int shown = 10;
        List<string> names;
        try
        {
            names = [.. endpoint.GetOpenAIModelClient().GetModels().Value.Select(model => model.Id)];
        }
        catch (Exception fault) when (fault is ClientResultException or AggregateException or HttpRequestException)
        {
            throw new ConfigurationException(
                $"{address} does not say which models it has: {VisibleText.InOneLine(fault.Message, 200)} If the "
                + "address is right, name the model with 'with_model'.", fault);
        }

        return names.Count == 1 ? names[0] : throw new ConfigurationException(
            $"{address} has {names.Count} models. Name one with 'with_model': "
            + $"{string.Join(", ", names.Take(shown))}{(names.Count > shown ? " ..." : ".")}");
    }

    private static RowWriterClient Load(
        RowWriterOptions options, QuantizationOptions quantization, Microsoft.Extensions.AI.ChatOptions chat,
        Terminal terminal)
    {
        var model = LanguageModel.Load(options.With, new LanguageModelOptions
        {
            Quantization = quantization,
            ComputeType = options.TorchDtype,
            RotaryType = options.RotaryType,
            AttentionImplementation = options.AttentionImplementation,
            Device = options.Device,
            LibTorch = options.LibTorch,
        });
        foreach (var warning in model.Warnings)
            terminal.Error.WriteLine(warning);
        return new RowWriterClient(new LorikeetChatClient(model), chat, model);
    }
}
