using Lorikeet.Configuration;
using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Text.Tokenization;

namespace Lorikeet;

/// <summary>A language model ready to be asked and trained: weights, tokenizer, prompt format and adapters.</summary>
/// <remarks>
/// Several models can live in one process. One model may be used from several threads: calls take turns, and while a
/// <see cref="TrainingRun"/> trains it they throw an <see cref="InvalidOperationException"/> instead of waiting for
/// hours. Which adapter is active is a property of the model, not of a thread. <see cref="Decoder"/> and what is made
/// from it directly (<see cref="TextGenerator"/>, <see cref="AnswerEvaluator"/>) are not guarded.
/// </remarks>
public sealed class LanguageModel : IDisposable
{
    private readonly List<string> _warnings;
    private readonly PromptFormat? _ownFormat;

    internal LanguageModel(
        string name, string folder, DecoderModel decoder, Tokenizer? tokenizer, LanguageModelOptions options)
    {
        (Name, Folder, Decoder, Tokenizer, Options) = (name, folder, decoder, tokenizer, options);
        _ownFormat = PromptFormat.TryLoad(folder, tokenizer);
        FileFormat = GgufFile.Exists(folder) && tokenizer?.ChatTemplate is not null
            ? PromptFormats.Create("tokenizer", tokenizer)
            : null;
        _warnings = [.. decoder.LoadWarnings];
        if (tokenizer?.Caution is { } caution)
            _warnings.Add(caution);
        Adapters = new ModelAdapters(this, _warnings.Add);
    }

    /// <summary>
    /// A model that was made in memory, as for a measurement: without a tokenizer, so it takes and gives token ids
    /// only.
    /// </summary>
    /// <param name="decoder">The decoder, which becomes the model's own.</param>
    /// <param name="name">What the model is called.</param>
    public static LanguageModel Of(DecoderModel decoder, string name) => new(name, name, decoder, null, new());

    /// <summary>What the model was loaded by: a folder, a GGUF file or a hub id.</summary>
    public string Name { get; }

    /// <summary>A hub id as it is; of a place on this disk the last part.</summary>
    internal string ShortName => Path.Exists(Name)
        ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Name)))
        : Name;

    /// <summary>The folder or GGUF file that holds the base model.</summary>
    public string Folder { get; }

    /// <summary>How it was loaded.</summary>
    public LanguageModelOptions Options { get; }

    /// <summary>The decoder, for work on logits and hidden states. It is not safe for several threads.</summary>
    public DecoderModel Decoder { get; }

    /// <summary>The tokenizer; null for a model without one, which takes and gives token ids only.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>The adapters of the model, of which at most one is active.</summary>
    public ModelAdapters Adapters { get; }

    /// <summary>
    /// The format that the active adapter, or without one the model, was fine-tuned with; null for what was trained
    /// elsewhere.
    /// </summary>
    public PromptFormat? TrainedFormat => Adapters.ActiveFormat(_ownFormat);

    /// <summary>The chat template inside a GGUF file; null for folders and for files without one.</summary>
    public PromptFormat? FileFormat { get; }

    /// <summary>
    /// How questions are written out: <see cref="TrainedFormat"/>, else the tokenizer's chat template, else Guanaco's
    /// <c>### Human: ... ### Assistant:</c>.
    /// </summary>
    public PromptFormat Format => FormatOr(TrainedFormat);

    /// <summary>What was found in the files of the model and its adapters and had to be left out of account.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>
    /// How answers are generated when nothing else is asked for: as the model's generation_config.json says (greedily
    /// without one), ended by its end tokens or, where it names none, the tokenizer's, and where the trained format's
    /// next question would begin.
    /// </summary>
    /// <exception cref="CheckpointException">generation_config.json holds a value that is wrong.</exception>
    public GenerationOptions GenerationDefaults => DefaultsOf(TrainedFormat);

    /// <summary>One caller at a time.</summary>
    internal ModelGate Gate { get; } = new();

    /// <summary>
    /// Loads a model, fetching it from the hub when it is neither on this disk nor in the hub's cache.
    /// </summary>
    /// <param name="model">
    /// A folder in Hugging Face format, a GGUF file or a hub id; or the folder or id of a PEFT adapter, which is loaded
    /// on the base it names. Empty: the base that the first of <see cref="LanguageModelOptions.Adapters"/> names.
    /// </param>
    /// <param name="options">How to load it; null for the defaults.</param>
    /// <param name="progress">Receives how far downloading and loading are.</param>
    /// <param name="cancellation">Stops a download, or between two layers; what was loaded is released.</param>
    /// <exception cref="ConfigurationException">An option is wrong, or no model is named.</exception>
    /// <exception cref="CheckpointException">
    /// A file is missing, damaged, or of a kind of model that is not known.
    /// </exception>
    /// <exception cref="DeviceException">libtorch or the device is missing, or memory does not suffice.</exception>
    /// <exception cref="HubException">The hub has no such repository, or it cannot be had.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public static LanguageModel Load(
        string model, LanguageModelOptions? options = null, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        options ??= new();
        using var listening = ModelSource.Listen(
            null, progress is null ? null : new DownloadProgress(progress), cancellation);
        List<(string Name, AdapterFolder Folder)> adapters =
        [
            .. options.Adapters.Select(
                adapter => (adapter.Name, AdapterFolder.Open(ModelSource.Resolve(adapter.Source, null)))),
        ];
        var name = model.Length > 0 || adapters.Count == 0 ? model : adapters[0].Folder.FindBase();
        if (string.IsNullOrEmpty(name))
            throw new ConfigurationException(
                "No model is named. Give a Hugging Face model folder, a GGUF file or a hub id as 'model'.");

        cancellation.ThrowIfCancellationRequested();
        var folder = ModelSource.Resolve(name, options.Revision);
        if (IsAdapter(folder))
        {
            var adapter = AdapterFolder.Open(folder);
            adapters.Insert(0, (Adapter.DefaultName, adapter));
            name = adapter.FindBase() ?? throw new ConfigurationException(
                $"'{folder}' is an adapter that names no base model. Name the model, and give the adapter in " +
                "LanguageModelOptions.Adapters.");
            folder = ModelSource.Resolve(name, null);
        }

        var loaded = Open(name, folder, options, progress, cancellation);
        try
        {
            foreach (var (adapter, source) in adapters)
                loaded.Adapters.Load(adapter, source);
            if (adapters.Count > 1)
                loaded.Adapters.Activate(adapters[0].Name);
            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>Answers one question.</summary>
    /// <param name="question">The question, without any markup of a chat.</param>
    /// <param name="generation">
    /// How to answer; null for <see cref="GenerationDefaults"/>. Without end tokens of its own it takes the model's.
    /// </param>
    /// <param name="cancellation">Ends the answer where it is.</param>
    /// <returns>The answer, without blanks around it.</returns>
    /// <exception cref="ConfigurationException">The model has no tokenizer, or an option is out of range.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public string Answer(
        string question, GenerationOptions? generation = null, CancellationToken cancellation = default) =>
        Answer([question], generation, cancellation)[0];

    /// <summary>Answers many questions, batched: much faster than one after the other.</summary>
    /// <returns>The answers in the order of the questions, without blanks around them.</returns>
    /// <inheritdoc cref="Answer(string, GenerationOptions, CancellationToken)"/>
    public IReadOnlyList<string> Answer(
        IReadOnlyList<string> questions, GenerationOptions? generation = null, CancellationToken cancellation = default)
    {
        using var turn = Gate.Enter(cancellation);
        var asking = new ModelAsking(this, generation);
        var answers = asking.Generate([.. questions.Select(asking.Prompt)], cancellation);
        return [.. answers.Select(answer => answer.Text!.Trim())];
    }

    /// <summary>Answers one question piece by piece, as it is generated.</summary>
    /// <param name="question">The question, without any markup of a chat.</param>
    /// <param name="generation">
    /// As for <see cref="Answer(string, GenerationOptions, CancellationToken)"/>; no beam search.
    /// </param>
    /// <param name="cancellation">
    /// Ends the answer where it is, with an <see cref="OperationCanceledException"/>.
    /// </param>
    /// <returns>
    /// Pieces of text, whole characters each. The answer is generated on a thread of its own, which stops when the
    /// enumeration is left early.
    /// </returns>
    /// <exception cref="ConfigurationException">The model has no tokenizer, or an option is out of range.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public IAsyncEnumerable<string> AnswerStream(
        string question, GenerationOptions? generation = null, CancellationToken cancellation = default) =>
        AskStream([new ChatMessage("user", question)], generation, cancellation);

    /// <summary>Answers the last message of a conversation.</summary>
    /// <param name="messages">The conversation: perhaps a system message, then user and assistant in turn.</param>
    /// <returns>The answer with its token ids and why it ended.</returns>
    /// <inheritdoc cref="Answer(string, GenerationOptions, CancellationToken)"/>
    /// <param name="generation"/>
    /// <param name="cancellation"/>
    public Continuation Ask(
        IReadOnlyList<ChatMessage> messages, GenerationOptions? generation = null,
        CancellationToken cancellation = default)
    {
        using var turn = Gate.Enter(cancellation);
        var asking = new ModelAsking(this, generation);
        return asking.Generate([asking.Prompt(messages)], cancellation)[0];
    }

    /// <summary>The same, piece by piece.</summary>
    /// <inheritdoc cref="AnswerStream"/>
    /// <param name="messages">The conversation: perhaps a system message, then user and assistant in turn.</param>
    /// <param name="generation"/>
    /// <param name="cancellation"/>
    public IAsyncEnumerable<string> AskStream(
        IReadOnlyList<ChatMessage> messages, GenerationOptions? generation = null,
        CancellationToken cancellation = default) =>
        AnswerPieces.Of(this, messages, generation, cancellation);

    /// <summary>
    /// Switches the active adapter off until the result is disposed, to compare with the base. Questions are asked in
    /// the adapter's format meanwhile, so that both are asked the same.
    /// </summary>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public IDisposable WithoutAdapter() => Adapters.Suspend();

    /// <summary>
    /// Scores the model on a dataset: exact match and F1 as SQuAD defines them, ROUGE-L, and the answers' loss.
    /// </summary>
    /// <param name="data">Its held-out rows are asked; where it has none, all of its rows.</param>
    /// <param name="generation">How to answer; null for greedy answers, so that scores can be compared.</param>
    /// <param name="cancellation">Ends the evaluation.</param>
    /// <exception cref="DatasetException">The data cannot be read, or nothing in it can be scored.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public AnswerScores Evaluate(
        Dataset data, GenerationOptions? generation = null, CancellationToken cancellation = default)
    {
        using var turn = Gate.Enter(cancellation);
        var rows = data.Encode(Tokenizer, Decoder.Config.VocabularySize, format: TrainedFormat);
        var set = new EvaluationSet([.. rows.Questions], rows.Eval.Count > 0 ? rows.Eval : rows.Train, rows.Format);
        var options = generation ?? new GenerationOptions { EndTokens = GenerationDefaults.EndTokens };
        return new AnswerEvaluator(Decoder, Tokenizer).Evaluate(set, options, cancellation);
    }

    /// <summary>
    /// Adds the active adapter to the base and writes the sum as a model of its own, after comparing its logits with
    /// those of base and adapter apart. This model stays as it is.
    /// </summary>
    /// <param name="folder">The new model's folder; it must not exist unless the options overwrite it.</param>
    /// <param name="options">
    /// How to merge: types, shards, and onto which weights; base, adapter and output are this model's. Null for the
    /// defaults.
    /// </param>
    /// <returns>How far the merged model is from the unmerged one.</returns>
    /// <exception cref="ConfigurationException">No adapter is active, or the folder is taken.</exception>
    /// <exception cref="LorikeetException">
    /// The merged model differs by more than rounding explains; it is not kept.
    /// </exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public MergeCheck Merge(string folder, MergeOptions? options = null) =>
        ModelCopies.Merge(this, folder, options ?? new());

    /// <summary>Writes the base, without any adapter, in 4 or 8 bits, as bitsandbytes checkpoints are.</summary>
    /// <param name="folder">The new model's folder; it must not exist unless the options overwrite it.</param>
    /// <param name="options">
    /// How to quantize; model and output are this model's. Null for NF4 with double quantization.
    /// </param>
    /// <returns>Bytes of the weights written.</returns>
    /// <exception cref="ConfigurationException">The folder is taken, or options contradict each other.</exception>
    public long Quantize(string folder, QuantizeOptions? options = null) =>
        QuantizeJob.Run(ModelCopies.Of(this, folder, options ?? new()));

    /// <summary>
    /// Writes the model with its active adapter merged as a GGUF file for llama.cpp, or with
    /// <see cref="ExportOptions.AdapterOnly"/> the adapter alone, and compares what was written with the original.
    /// </summary>
    /// <param name="file">The file, which ends in <c>.gguf</c>; for Ollama, the folder.</param>
    /// <param name="options">How to export; model, adapter and output are this model's. Null for the defaults.</param>
    /// <param name="forOllama">
    /// Whether a folder with a Modelfile is written, from which <c>ollama create</c> makes a model.
    /// </param>
    /// <returns>What was written, how it compares, and notes on what the format cannot hold.</returns>
    /// <exception cref="ConfigurationException">The file is taken, or the model has no form in GGUF.</exception>
    /// <exception cref="LorikeetException">
    /// What was written differs by more than rounding explains; it is not kept.
    /// </exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public ExportResult Export(string file, ExportOptions? options = null, bool forOllama = false) =>
        ModelCopies.Export(this, file, options ?? new(), forOllama);

    /// <summary>Releases the weights and adapters.</summary>
    /// <exception cref="InvalidOperationException">A run trains the model: it has to end first.</exception>
    public void Dispose()
    {
        if (!Gate.TryClose())
            return;
        Adapters.Free();
        Decoder.Dispose();
    }

    /// <summary>Loads the base in a local folder or GGUF file.</summary>
    internal static LanguageModel Open(
        string name, string folder, LanguageModelOptions options, IProgress<LoadProgress>? progress,
        CancellationToken cancellation, Communicator? ranks = null)
    {
        var asked = options.ToModelOptions(name);
        OptionCatalog.Of<ModelOptions>().RequireRanges(asked);
        OptionCatalog.Of<QuantizationOptions>().RequireRanges(options.Quantization);
        var source = ModelFolder.Open(folder);
        var decoder = source.Load(asked, options.Quantization, Report, ranks);
        try
        {
            return new LanguageModel(name, folder, decoder, source.Tokenizer, options);
        }
        catch
        {
            decoder.Dispose();
            throw;
        }

        void Report(int done, int total)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new LoadProgress(LoadPhase.Loading, done, total));
        }
    }

    /// <summary>
    /// The format that an adapter, or without one the model, was trained with; null for what was not here.
    /// </summary>
    internal PromptFormat? TrainedFormatOf(LoadedAdapter? adapter) => adapter is null ? _ownFormat : adapter.Format;

    /// <summary>How questions are written out, given the format of the training, if any.</summary>
    internal PromptFormat FormatOr(PromptFormat? trained) =>
        trained ?? FileFormat ?? PromptFormats.Create(null, Tokenizer);

    /// <summary>See <see cref="GenerationDefaults"/>.</summary>
    internal GenerationOptions DefaultsOf(PromptFormat? trained)
    {
        var defaults = GenerationConfig.Load(Folder);
        if (defaults.EndTokens.Count == 0 && Tokenizer?.EndToken is { } end)
            defaults = defaults with { EndTokens = [end] };
        // A file may name some that the model does not have; they never come.
        var vocabulary = Decoder.Config.VocabularySize;
        defaults = defaults with { EndTokens = [.. defaults.EndTokens.Where(id => id < vocabulary)] };
        return trained is { } format
            ? defaults with { StopStrings = [.. defaults.StopStrings.Union(format.StopStrings)] }
            : defaults;
    }

    /// <summary>One more thing to know about the model.</summary>
    /// <summary>Whether a name means the base without any adapter.</summary>
    internal bool IsBaseName(string name, StringComparison comparison) =>
        name.Equals(ShortName, comparison) || name.Equals(Name, comparison) || name.Equals(AdapterSet.Base, comparison);

    internal void Warn(string warning) => _warnings.Add(warning);

    private static bool IsAdapter(string folder) =>
        File.Exists(Path.Combine(folder, AdapterFolder.ConfigFile))
            && !File.Exists(Path.Combine(folder, "config.json"));
}
