using System.Runtime.CompilerServices;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Generation;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Serving;

/// <summary>A text to be continued, as it goes to the engine, and the pieces that come of it.</summary>
internal sealed class CompletionStream
{
    private readonly CompletionRequest _request;
    private readonly Func<TokenConstraint>? _form;
    private readonly string _echo;

    /// <summary>Reads a request for a model.</summary>
    /// <exception cref="ConfigurationException">The request is wrong, or the model cannot take it.</exception>
    public CompletionStream(ServedModel served, CompletionRequest request, AnswerForms forms)
    {
        if (!string.IsNullOrEmpty(request.Suffix))
            throw new ConfigurationException(
                "suffix is given, and the models here only continue a text; they do not fill gaps. Leave it out.");
        if (request.Prompt is null == request.PromptIds is null)
            throw new ConfigurationException("A prompt was expected, as text or as token ids. Give one of the two.");
        _request = request;
        var ids = request.PromptIds ?? new TextEncoder(forms.Tokenizer).EncodeText(request.Prompt!);
        _echo = !request.Echo ? "" : request.Prompt ?? TextOf(ids, forms.Tokenizer);
        var own = served.Generation;
        var generation = request.Generation
            ?? own with { StopStrings = [.. own.StopStrings.Except(served.Format.StopStrings)] };
        Request = new DecodingRequest
        {
            Prompt = ids,
            Options = generation.EndTokens.Count > 0 ? generation : generation with { EndTokens = own.EndTokens },
            TopLogProbabilities = request.TopLogProbabilities,
            LogitBias = request.LogitBias,
            IgnoreEnd = request.IgnoreEnd,
            ScoresOnly = request.ScoresOnly,
            PromptLogProbabilities = request.Echo && request.TopLogProbabilities is not null,
        };
        _form = forms.Of(request.ResponseFormat, Request);
    }

    /// <summary>The prompt, without adapter and form.</summary>
    public DecodingRequest Request { get; }

    /// <summary>Ids that pad the model's embedding have no text; what is no id is refused with the request.</summary>
    private static string TextOf(IReadOnlyList<int> ids, Tokenizer tokenizer) =>
        tokenizer.Decode([.. ids.Where(tokenizer.Knows)], skipSpecialTokens: false);

    /// <summary>The pieces of all continuations, as they come.</summary>
    public async IAsyncEnumerable<CompletionPiece> Of(
        Answering answering, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var usage = new UsageSum(_request.Answers);
        var isBegun = new bool[_request.Answers];
        var requests = Answering.Repeat(Request, _form, _request.Answers);
        await foreach (var (answer, piece) in answering.Decode(requests, _ => false, cancellation)
            .ConfigureAwait(false))
        {
            var text = isBegun[answer] ? piece.Text : _echo + piece.Text;
            isBegun[answer] = true;
            yield return new CompletionPiece(answer, text)
            {
                Tokens = piece.Tokens,
                Prompt = piece.Prompt,
                Finish = piece.Finish,
                UsageSoFar = piece.Usage,
                Usage = piece.Finish is null ? null : usage.Add(piece.Usage),
            };
        }
    }
}
