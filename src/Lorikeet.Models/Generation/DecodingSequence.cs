using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation.Constraints;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation;

/// <summary>A sequence that a <see cref="DecodingScheduler"/> reads and continues.</summary>
/// <param name="row">Prompt and answer so far.</param>
/// <param name="chooser">Its own rules and random numbers.</param>
/// <param name="adapter">The adapter that answers; null for the base.</param>
internal sealed class DecodingSequence(DecodingRow row, TokenChooser chooser, ModelAdapter? adapter)
{
    private readonly List<DecodedToken> _tokens = []; // chosen and not yet taken
    private volatile bool _isCancelled;

    /// <summary>The sequence of a request, once that is checked.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="model">Who is asked.</param>
    /// <param name="tokenizer">Its tokenizer; null for none.</param>
    /// <param name="maxLength">Most tokens of prompt and answer.</param>
    /// <exception cref="ConfigurationException">Options are out of range, or prompt and answer too long.</exception>
    /// <exception cref="DatasetException">The prompt is empty, or has a token that the model does not know.</exception>
    public static DecodingSequence Of(
        DecodingRequest request, DecoderModel model, Tokenizer? tokenizer, int maxLength)
    {
        var vocabulary = model.Config.VocabularySize;
        RequestCheck.RequirePrompt(request.Prompt, vocabulary);
        RequestCheck.RequireAdapter(request.Adapter, model);
        var options = RequestCheck.Prepare(request, tokenizer, vocabulary, maxLength);
        int[] prompt = [.. request.Prompt];
        var constraint = request.Constraint ?? TokenConstraints.Of(options, tokenizer)?.Start(options.EndTokens);
        return new DecodingSequence(
            new DecodingRow(
                DecodingRow.KeyOf(prompt, request.Repetition), prompt, options, tokenizer, request.ScoresOnly)
            {
                Constraint = constraint,
            },
            new TokenChooser(options, vocabulary, constraint, request.LogitBias ?? options.BiasOfIds()),
            request.Adapter)
        {
            TopLogProbabilities = request.TopLogProbabilities,
            MayBeOptimized = options.Optimized,
            Prompt = request.PromptLogProbabilities ? [] : null,
        };
    }

    public DecodingRow Row => row;

    public TokenChooser Chooser => chooser;

    public ModelAdapter? Adapter => adapter;

    /// <summary>See <see cref="DecodingRequest.TopLogProbabilities"/>.</summary>
    public int? TopLogProbabilities { get; init; }

    /// <summary>What was chosen for each token of the prompt but the first; null where it was not asked for.</summary>
    public List<DecodedToken>? Prompt { get; init; }

    /// <summary>Whether tokens of its prompt are still to be scored.</summary>
    public bool IsScoring => Prompt is { } scored && scored.Count < row.PromptLength - 1;

    /// <summary>Whether the optimized step may be used.</summary>
    public bool MayBeOptimized { get; init; } = true;

    /// <summary>Whether it is.</summary>
    public bool IsOptimized { get; set; }

    /// <summary>Place among all sequences, by arrival.</summary>
    public long Number { get; set; }

    /// <summary>Its blocks in the order of its tokens.</summary>
    public List<int> Blocks { get; } = [];

    /// <summary>Tokens whose keys and values its blocks hold.</summary>
    public int Read { get; set; }

    /// <summary>Tokens that the step to come reads.</summary>
    public int Planned { get; set; }

    /// <summary>Tokens not yet read; 1 while it merely decodes.</summary>
    public int Unread => row.Length - Read;

    /// <summary>Hashes of its full blocks, as far as they were needed.</summary>
    public List<BlockHash> Hashes { get; } = [];

    /// <summary>
    /// Whether some of it was read before the numbers of its adapter changed, so that nobody else can use its blocks.
    /// </summary>
    public bool IsMixed { get; set; }

    /// <summary>Blocks of it that others can find.</summary>
    public int Offered { get; set; }

    /// <summary>Tokens of the prompt that others had read, when it was first admitted.</summary>
    public int? CachedTokens { get; set; }

    /// <summary>Why it failed; null where it did not.</summary>
    public LorikeetException? Fault { get; private set; }

    /// <summary>Whether the caller lost interest. Set by any thread.</summary>
    public bool IsCancelled => _isCancelled;

    public void Cancel() => _isCancelled = true;

    public void Fail(Exception fault)
    {
        Fault = fault as LorikeetException
            ?? new LorikeetException($"The answer ended at a fault of its own: {fault.Message}", fault);
        row.Abandon();
    }

    /// <summary>Takes the token that was chosen; the sequence may end with it.</summary>
    public void Add(DecodedToken token)
    {
        _tokens.Add(token);
        row.Add(token.Id);
    }

    /// <summary>What came since the last call.</summary>
    public DecodedPiece TakePiece()
    {
        var isFirst = row.Length - row.PromptLength == _tokens.Count;
        var piece = new DecodedPiece(row.TakeText(), [.. _tokens], row.Finish)
        {
            Usage = new TokenUsage(row.PromptLength, CachedTokens ?? 0, row.Length - row.PromptLength),
            Prompt = isFirst ? Prompt : null,
        };
        _tokens.Clear();
        return piece;
    }
}
