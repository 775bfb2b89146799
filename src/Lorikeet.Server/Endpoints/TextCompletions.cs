using Lorikeet.Models.Generation;
using Lorikeet.Server.Access;
using Lorikeet.Server.Protocol;
using Lorikeet.Server.Telemetry;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>POST /v1/completions.</summary>
internal sealed class TextCompletions(Service service)
{
    // OpenAI's and vLLM's default.
    private const int DefaultMaxTokens = 16;
    private const int MostPrompts = 1024;
    private const int MostLogProbabilities = 20;

    /// <summary>Continues texts, at once or as a stream.</summary>
    public async Task Answer(HttpContext context)
    {
        var body = await RequestBody.Read(context, ProtocolJson.Wire.TextCompletionRequest);
        var model = service.Find(body.Model);
        var requests = Requests(body, model);
        service.RequireRoom(requests.Count > 1 ? "prompt" : "n", (long)requests.Count * requests[0].Answers);
        using var measure = service.Metrics.Begin("text_completion", model.Name);
        var pieces = await service.Admission.Encode(context, () => Pieces(requests, Admission.TokenOf(context)));
        var reply = new TextReply(service, model.Name, body, requests, measure);
        if (body.Stream == true)
            await reply.Stream(context, pieces);
        else
            await context.Response.WriteAsJsonAsync(await reply.Whole(pieces), ProtocolJson.Wire.TextCompletion);
    }

    private IAsyncEnumerable<(int Prompt, CompletionPiece Piece)> Pieces(
        IReadOnlyList<CompletionRequest> requests, CancellationToken cancellation)
    {
        // All are checked before the first begins.
        var begun = requests.Select(request => service.Host.Complete(request, cancellation)).ToList();
        return begun is [var only]
            ? only.Select(piece => (0, piece))
            : Merging.Of(begun, cancellation);
    }

    private static List<CompletionRequest> Requests(TextCompletionRequest body, ServedModel model)
    {
        AnswerOptions.CheckStream(body.StreamOptions, body.Stream);
        if (body.Prompt is not { Count: > 0 } prompts)
            throw ApiException.Missing("prompt", "a text, an array of token ids, or an array of either");
        if (prompts.Count > MostPrompts)
            throw ApiException.Unexpected("prompt", $"an array of {prompts.Count} prompts", $"up to {MostPrompts}");
        AnswerOptions.Check(
            "logprobs", body.Logprobs, value => value is >= 0 and <= MostLogProbabilities,
            $"from 0 to {MostLogProbabilities}");
        var answers = AnswerOptions.Answers(body.N);
        if (body.BestOf is { } best && best != answers)
            throw ApiException.Unexpected("best_of", best, $"{answers}, the same as 'n': all that are made are given");
        if (!string.IsNullOrEmpty(body.Suffix))
            throw ApiException.Unexpected("suffix", "a text", "none: models here continue, and fill no gaps");
        List<string> stops = [.. model.Generation.StopStrings.Except(model.Format.StopStrings)];
        var request = new CompletionRequest
        {
            Model = model.Name,
            Echo = body.Echo == true,
            ResponseFormat = AnswerForms.Of(body, body.ResponseFormat),
            Generation = AnswerOptions.Of(
                body, model, ("max_tokens", body.MaxTokens ?? DefaultMaxTokens), stops, least: 0),
            ScoresOnly = body.MaxTokens == 0,
            LogitBias = AnswerOptions.LogitBias(body),
            TopLogProbabilities = body.Logprobs,
            IgnoreEnd = body.IgnoreEos == true,
            Answers = answers,
        };
        return [.. prompts.Select(prompt => request with { Prompt = prompt.Text, PromptIds = prompt.Ids })];
    }
}

/// <summary>The answer to one completion of texts.</summary>
internal sealed class TextReply(
    Service service, string model, TextCompletionRequest body, IReadOnlyList<CompletionRequest> requests,
    ServerMetrics.AnswerMeasure measure)
{
    private readonly string _id = Service.NewId("cmpl-");
    private readonly long _created = service.Now;
    private readonly int _answers = requests[0].Answers;
    private readonly bool _hasText = service.Host.Model.Tokenizer is not null; // else chunks say that tokens came
    private readonly Dictionary<int, int> _offsets = [];
    private TokenUsage _usage;

    /// <summary>All of it in one object.</summary>
    public async Task<TextCompletion> Whole(IAsyncEnumerable<(int Prompt, CompletionPiece Piece)> pieces)
    {
        var choices = new TextChoice?[requests.Count * _answers];
        await foreach (var (prompt, piece) in pieces)
        {
            var choice = Take(prompt, piece);
            choices[choice.Index] = choices[choice.Index] is { } before ? Join(before, choice) : choice;
        }

        return Object([.. choices.Select(choice => choice!)]) with { Usage = Service.Usage(_usage) };
    }

    /// <summary>Its parts as they come.</summary>
    public async Task Stream(HttpContext context, IAsyncEnumerable<(int Prompt, CompletionPiece Piece)> pieces)
    {
        var stream = new EventStream(context);
        var lively = KeepAlive.During(pieces, Service.Silence, stream.WriteKeepAlive, service.Clock);
        await foreach (var (prompt, piece) in lively)
        {
            var choice = Take(prompt, piece);
            if (choice is not { Text: "", Logprobs: null, FinishReason: null } || (!_hasText && piece.Tokens.Count > 0))
                await stream.Write(
                    Object([choice]) with { Usage = UsageSoFar(piece) }, ProtocolJson.Wire.TextCompletion);
        }

        if (body.StreamOptions?.IncludeUsage == true)
            await stream.Write(Object([]) with { Usage = Service.Usage(_usage) }, ProtocolJson.Wire.TextCompletion);
        await stream.WriteDone();
    }

    private WireUsage? UsageSoFar(CompletionPiece piece) =>
        body.StreamOptions?.ContinuousUsageStats == true ? Service.Usage(piece.UsageSoFar) : null;

    private TextCompletion Object(IReadOnlyList<TextChoice> choices) =>
        new(_id, "text_completion", _created, model, choices);

    private TextChoice Take(int prompt, CompletionPiece piece)
    {
        var index = prompt * _answers + piece.Answer;
        measure.Add(index, piece.Tokens.Count);
        if (piece.Usage is { } usage)
        {
            _usage = new TokenUsage(
                _usage.PromptTokens + usage.PromptTokens, _usage.CachedTokens + usage.CachedTokens,
                _usage.CompletionTokens + usage.CompletionTokens);
            measure.Use(_usage);
        }

        var finish = piece.Finish is { } reason ? FinishReasons.Of(reason) : null;
        if (finish is not null)
            measure.End(finish);
        return new TextChoice(index, piece.Text, LogProbabilities(prompt, index, piece), finish);
    }

    private TextLogProbabilities? LogProbabilities(int prompt, int index, CompletionPiece piece)
    {
        if (body.Logprobs is null || (piece.Tokens.Count == 0 && piece.Prompt is null))
            return null;
        var found = new TextLogProbabilities([], [], [], []);
        if (piece.Prompt is { } echoed)
        {
            // Nothing foretells the first token.
            Add(FirstOf(requests[prompt]), null, null);
            foreach (var token in echoed)
                AddDecoded(token);
        }

        foreach (var token in piece.Tokens)
            AddDecoded(token);
        return found;

        void AddDecoded(DecodedToken token)
        {
            var top = new Dictionary<string, double>();
            foreach (var other in token.Top)
                top.TryAdd(service.Tokens.Of(other.Id), TokenTexts.Finite(other.LogProbability));
            Add(token.Id, TokenTexts.Finite(token.LogProbability), top);
        }

        void Add(int id, double? logProbability, Dictionary<string, double>? top)
        {
            var text = service.Tokens.Of(id);
            var offset = _offsets.GetValueOrDefault(index);
            found.Tokens.Add(text);
            found.TokenLogprobs.Add(logProbability);
            found.TopLogprobs.Add(top);
            found.TextOffset.Add(offset);
            _offsets[index] = offset + text.Length;
        }
    }

    private int FirstOf(CompletionRequest request) =>
        request.PromptIds is { } ids ? ids[0] : service.Host.Tokenize(request.Prompt!)[0];

    private static TextChoice Join(TextChoice before, TextChoice next) => new(
        before.Index, before.Text + next.Text, TextLogProbabilities.Join(before.Logprobs, next.Logprobs),
        next.FinishReason);
}
