using System.Runtime.CompilerServices;
using Lorikeet.Models.Generation;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI;

/// <summary>
/// A model in this process as an <see cref="IChatClient"/>: <see cref="ChatOptions.ModelId"/> picks the base or one of
/// its adapters, and any number of threads may ask at once; their answers are decoded together.
/// </summary>
/// <remarks>
/// <para>
/// Messages and options are never changed. What an option asks for is done or refused with a
/// <see cref="ConfigurationException"/>; what it leaves open is as the model's generation_config.json says, and the
/// answer may be as long as the context allows.
/// <see cref="ChatOptions.AdditionalProperties"/> takes every other option of <see cref="GenerationOptions"/> by its
/// name, and <c>ignore_eos</c>, <c>min_tokens</c>, <c>stop_token_ids</c>, <c>logit_bias</c>, <c>logprobs</c>,
/// <c>top_logprobs</c>, <c>guided_regex</c> and <c>chat_template_kwargs</c>;
/// <see cref="ChatOptions.RawRepresentationFactory"/> a <see cref="ChatRequest"/>, whose messages are replaced.
/// </para>
/// <para>
/// Each update has its <see cref="ChatPiece"/> as raw representation, with the log-probabilities that were asked for.
/// </para>
/// <para>
/// There is no generator of embeddings beside this: a decoder's hidden states, pooled, were never trained to be
/// compared, and would look like embeddings without being any.
/// </para>
/// </remarks>
public sealed class LorikeetChatClient : IChatClient
{
    private readonly Func<CancellationToken, Task<ModelHost>> _host;
    private readonly Func<ModelHost?> _current;
    private readonly ModelHost? _owned;
    private readonly string? _defaultModel;

    /// <summary>Asks a host, which others may ask too; whoever started it ends it.</summary>
    /// <param name="host">The host.</param>
    /// <param name="defaultModel">
    /// The base or adapter that answers where <see cref="ChatOptions.ModelId"/> is not set; null for
    /// <see cref="ModelHost.Default"/>.
    /// </param>
    public LorikeetChatClient(ModelHost host, string? defaultModel = null)
    {
        ArgumentNullException.ThrowIfNull(host);
        (_host, _current, _defaultModel) = (_ => Task.FromResult(host), () => host, defaultModel);
    }

    /// <summary>
    /// Asks a model, through a host of its own that ends with the client. The model itself is the caller's to dispose,
    /// after the client.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How many are answered at once, and in how much memory; null for the defaults.</param>
    public LorikeetChatClient(LanguageModel model, EngineOptions? options = null)
        : this(ModelHost.Start(model, options)) => _owned = _current();

    /// <summary>Asks a model of an application, which is loaded when it is first needed.</summary>
    internal LorikeetChatClient(HostedModel model) => (_host, _current) = (model.Host, () => model.Current);

    /// <inheritdoc/>
    /// <exception cref="ConfigurationException">
    /// An option or a message cannot be honoured, no model has the name, or the conversation is too long.
    /// </exception>
    /// <exception cref="EngineBusyException">As many requests wait as may.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var updates = new List<ChatResponseUpdate>();
        var streamed = GetStreamingResponseAsync(messages, options, cancellationToken);
        await foreach (var update in streamed.ConfigureAwait(false))
            updates.Add(update);
        var response = updates.ToChatResponse();
        response.RawRepresentation = updates.Select(update => (ChatPiece)update.RawRepresentation!).ToArray();
        return response;
    }

    /// <inheritdoc/>
    /// <exception cref="ConfigurationException">
    /// An option or a message cannot be honoured, no model has the name, or the conversation is too long.
    /// </exception>
    /// <exception cref="EngineBusyException">As many requests wait as may.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return Stream(messages, options ?? new ChatOptions(), cancellationToken);
    }

    /// <summary>
    /// This client, its <see cref="ChatClientMetadata"/>, or the <see cref="ModelHost"/> and
    /// <see cref="LanguageModel"/> behind it; null for other types, and for those two while the model is not loaded.
    /// </summary>
    /// <param name="serviceType">The type.</param>
    /// <param name="serviceKey">Null: nothing here has a key.</param>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType.IsInstanceOfType(this) ? this
            : serviceType == typeof(ChatClientMetadata) ? new ChatClientMetadata(
                "lorikeet", defaultModelId: _defaultModel ?? _current()?.Default.Name)
            : serviceType == typeof(ModelHost) ? _current()
            : serviceType == typeof(LanguageModel) ? _current()?.Model
            : null;
    }

    /// <summary>Ends the host that the client made for itself, and the answers that are under way there.</summary>
    public void Dispose() => _owned?.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private async IAsyncEnumerable<ChatResponseUpdate> Stream(
        IEnumerable<ChatMessage> messages, ChatOptions options, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var host = await _host(cancellation).ConfigureAwait(false);
        var request = ChatRequests.Of(this, host, messages, options, _defaultModel);
        var updates = new ChatUpdates(request, options, TimeProvider.System.GetUtcNow());
        await foreach (var piece in host.Chat(request, cancellation).ConfigureAwait(false))
        {
            if (updates.IsSeen(piece))
                yield return updates.Of(piece);
        }
    }
}
