using Lorikeet.Data.Prompts;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Runs;

namespace Lorikeet.Serving;

/// <summary>
/// A <see cref="LanguageModel"/> that answers many at once: its base and each of its adapters are models to ask by
/// name, and their answers are decoded together.
/// </summary>
/// <remarks>
/// Thread-safe. Adapters come, go and are replaced while answers are under way; an answer ends with what it began
/// with. The model may be used beside, by turns with the host's steps: what takes long there, the host waits for. While
/// a <see cref="TrainingRun"/> trains an adapter of the model, the host answers between its passes, and the adapter as
/// it was after the last finished step. The model is the caller's: dispose the host first.
/// </remarks>
public sealed class ModelHost : IAsyncDisposable
{
    // As OpenAI's API has it.
    private const int MostAnswers = 128;

    private readonly DecodingEngine _engine;
    private readonly ServedModels _served;
    private readonly AnswerForms _forms;
    private readonly List<AdapterWatch> _watches = [];

    private ModelHost(LanguageModel model, EngineOptions? options)
    {
        Model = model;
        using (model.Gate.Enter())
        {
            if (model.Adapters.Forget is not null)
                throw new InvalidOperationException(
                    "The model has a host already, whose cache takes the memory. Ask that one, or dispose it first.");
            _engine = new DecodingEngine(model.Decoder, model.Tokenizer, options, model.Adapters.Lend);
            model.Adapters.Forget = adapter => _engine.Release(adapter);
        }

        _forms = new AnswerForms(model);
        _served = new ServedModels(model, _engine.Statistics.MaxLength);
    }

    /// <summary>Called after an adapter was loaded, replaced or unloaded, on a thread of the host.</summary>
    public event EventHandler<AdapterChange>? Changed;

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>The base and each adapter, in the order they came.</summary>
    public IReadOnlyList<ServedModel> Models => _served.All;

    /// <summary>What answers a request that names none: the first adapter, else the base.</summary>
    public ServedModel Default => _served.Find(null);

    /// <summary>What is decoded now, and what was.</summary>
    public EngineStatistics Statistics => _engine.Statistics;

    /// <summary>What ended the decoding, after which every request is refused; null while it runs.</summary>
    public Exception? Fault => _engine.Fault;

    /// <summary>Makes a model answer many at once.</summary>
    /// <param name="model">The model; it stays the caller's. One host at a time is on it.</param>
    /// <param name="options">How many sequences, in how much memory; null for the defaults.</param>
    /// <exception cref="ConfigurationException">The options contradict each other or the memory.</exception>
    /// <exception cref="InvalidOperationException">Another host is on the model, or a run trains it.</exception>
    public static ModelHost Start(LanguageModel model, EngineOptions? options = null) => new(model, options);

    /// <summary>The model that a request's name means.</summary>
    /// <param name="name">
    /// Name of an adapter; that of the base, what it was loaded by, or <c>base</c>; null for <see cref="Default"/>.
    /// </param>
    /// <exception cref="UnknownModelException">No model has the name.</exception>
    public ServedModel Find(string? name) => _served.Find(name);

    /// <summary>Whether a name means the base, in whatever case: no adapter is loaded by it.</summary>
    /// <param name="name">The name.</param>
    public bool IsBase(string name) => _served.IsBase(name, StringComparison.OrdinalIgnoreCase);

    /// <summary>Answers the last turn of a conversation, piece by piece.</summary>
    /// <param name="request">The conversation, and how it is answered.</param>
    /// <param name="cancellation">Ends the answer and frees its place at once; so does leaving the enumeration.</param>
    /// <exception cref="UnknownModelException">No model has the request's name.</exception>
    /// <exception cref="ContextLengthException">Prompt and answer are longer than the model's context.</exception>
    /// <exception cref="ConfigurationException">
    /// Something else of the request is wrong; thrown before the first piece.
    /// </exception>
    /// <exception cref="CheckpointException">The chat template refuses the conversation.</exception>
    /// <exception cref="EngineBusyException">Too many wait already; thrown with the first piece.</exception>
    public IAsyncEnumerable<ChatPiece> Chat(ChatRequest request, CancellationToken cancellation = default)
    {
        var served = Find(request.Model);
        RequireAnswers(request.Answers);
        var asked = ChatPrompt.Of(served, request, _forms);
        _engine.Validate(asked.Request);
        return ChatStream.Of(Answering(served), asked, request, cancellation);
    }

    /// <summary>Continues a text, piece by piece.</summary>
    /// <param name="request">The text, and how it is continued.</param>
    /// <param name="cancellation">Ends the answer and frees its place at once; so does leaving the enumeration.</param>
    /// <inheritdoc cref="Chat"/>
    public IAsyncEnumerable<CompletionPiece> Complete(
        CompletionRequest request, CancellationToken cancellation = default)
    {
        var served = Find(request.Model);
        RequireAnswers(request.Answers);
        var asked = new CompletionStream(served, request, _forms);
        _engine.Validate(asked.Request);
        return asked.Of(Answering(served), cancellation);
    }

    /// <summary>Loads an adapter, which can be asked from then on.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="source">A PEFT folder or a hub id.</param>
    /// <param name="replace">
    /// Whether it may take the place of another of that name: answers under way end with the old one, which is freed
    /// after the last of them.
    /// </param>
    /// <param name="cancellation">Ends a download or the waiting for the model; what is loaded is loaded.</param>
    /// <exception cref="ConfigurationException">The name is taken, or means the base.</exception>
    /// <exception cref="CheckpointException">The adapter is damaged or fits another base.</exception>
    /// <exception cref="HubException">The hub has no such adapter, or it cannot be had.</exception>
    public async Task<ServedModel> LoadAdapter(
        string name, string source, bool replace = false, CancellationToken cancellation = default)
    {
        Model.Adapters.RequireOwnName(name); // before anything is fetched
        var change = await BlockingWork.Run("Lorikeet adapter", () =>
        {
            using var listening = ModelSource.Listen(null, null, cancellation);
            var folder = AdapterFolder.Open(ModelSource.Resolve(source, null));
            using var turn = Model.Gate.Share(cancellation);
            var kind = Model.Adapters.Find(name) is null ? AdapterChangeKind.Loaded : AdapterChangeKind.Replaced;
            Model.Adapters.Load(name, folder, replace);
            return new AdapterChange(kind, name, folder.Path);
        }).ConfigureAwait(false);
        Report(change);
        return Find(name);
    }

    /// <summary>
    /// Unloads an adapter: nobody can ask it any more. Answers under way are finished first; the task does not wait for
    /// them.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancellation">Ends the waiting for the model.</param>
    /// <exception cref="UnknownModelException">No adapter has the name.</exception>
    /// <exception cref="ConfigurationException">A run trains the adapter.</exception>
    public async Task UnloadAdapter(string name, CancellationToken cancellation = default)
    {
        var folder = await BlockingWork.Run("Lorikeet adapter", () =>
        {
            using var turn = Model.Gate.Share(cancellation);
            var adapter = Model.Adapters.Find(name) ?? throw _served.Unknown(name);
            if (adapter.IsTrained)
                throw new ConfigurationException(
                    $"The adapter '{name}' is being trained, so it cannot be unloaded. Wait for the run, or end it.");
            Model.Adapters.Remove(name);
            return adapter.Folder;
        }).ConfigureAwait(false);
        Report(new AdapterChange(AdapterChangeKind.Unloaded, name, folder));
    }

    /// <summary>
    /// Follows a training, in this process or another: each of its checkpoints, and in the end its result, becomes the
    /// adapter of a name as soon as it is complete. <see cref="Changed"/> says so, and what could not be loaded.
    /// </summary>
    /// <param name="runFolder">The run's folder; it may not be there yet.</param>
    /// <param name="name">The adapter's name; null for that of the folder.</param>
    /// <param name="interval">How often the folder is looked at; null for every second.</param>
    /// <param name="cancellation">Ends the waiting for what is there already, which is loaded before this ends.</param>
    /// <returns>Dispose it to follow the training no more; the adapter stays.</returns>
    public async Task<AdapterWatch> Watch(
        string runFolder, string? name = null, TimeSpan? interval = null, CancellationToken cancellation = default)
    {
        var watch = new AdapterWatch(this, new RunFolder(runFolder), name);
        await watch.Begin(interval ?? TimeSpan.FromSeconds(1), cancellation).ConfigureAwait(false);
        lock (_watches)
            _watches.Add(watch);
        return watch;
    }

    /// <summary>Token ids of a text as it stands.</summary>
    /// <param name="text">The text.</param>
    /// <param name="addSpecialTokens">Whether the begin token is added, where the tokenizer adds one.</param>
    /// <exception cref="ConfigurationException">The model has no tokenizer.</exception>
    public int[] Tokenize(string text, bool addSpecialTokens = true) =>
        addSpecialTokens
            ? new TextEncoder(_forms.Tokenizer).EncodeText(text)
            : _forms.Tokenizer.Encode(text, addSpecialTokens: false).Ids;

    /// <summary>Token ids of a conversation up to where the answer begins: what <see cref="Chat"/> reads.</summary>
    /// <param name="request">The conversation.</param>
    /// <exception cref="UnknownModelException">No model has the request's name.</exception>
    /// <exception cref="ConfigurationException">The request is wrong.</exception>
    public int[] Tokenize(ChatRequest request) =>
        [.. ChatPrompt.Of(Find(request.Model), request, _forms).Request.Prompt];

    /// <summary>The text of token ids, special tokens included.</summary>
    /// <param name="ids">The ids.</param>
    /// <exception cref="ConfigurationException">The model has no tokenizer.</exception>
    public string Detokenize(IReadOnlyList<int> ids) => _forms.Tokenizer.Decode([.. ids], skipSpecialTokens: false);

    /// <summary>Takes no new requests, and ends when the last answer has ended.</summary>
    /// <param name="cancellation">Ends the waiting; answers go on.</param>
    public Task Drain(CancellationToken cancellation = default) => _engine.Drain(cancellation);

    /// <summary>Cancels what is under way and frees the cache. The model stays.</summary>
    public async ValueTask DisposeAsync()
    {
        AdapterWatch[] watches;
        lock (_watches)
            watches = [.. _watches];
        foreach (var watch in watches)
            await watch.DisposeAsync().ConfigureAwait(false);
        await _engine.DisposeAsync().ConfigureAwait(false);
        Model.Adapters.Forget = null;
    }

    /// <summary>Says what became of an adapter.</summary>
    internal void Report(AdapterChange change) => Changed?.Invoke(this, change);

    private static void RequireAnswers(int count)
    {
        if (count is < 1 or > MostAnswers)
            throw new ConfigurationException($"n is {count}. It must be from 1 to {MostAnswers}.");
    }

    private Answering Answering(ServedModel served) =>
        new(_engine, Model.Adapters, served.Base is null ? null : served.Name);
}
