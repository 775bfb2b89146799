using System.Text;
using Lorikeet.Models.Generation;
using Lorikeet.Server.Access;
using Lorikeet.Server.Protocol;
using Lorikeet.Server.Telemetry;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>POST /v1/chat/completions.</summary>
internal sealed class ChatCompletions(Service service)
{
    private const int MostTopLogProbabilities = 20;

    /// <summary>Answers, at once or as a stream.</summary>
    public async Task Answer(HttpContext context)
    {
        var body = await RequestBody.Read(context, ProtocolJson.Wire.ChatCompletionRequest);
        var model = service.Find(body.Model);
        var request = Request(body, model);
        service.RequireRoom("n", request.Answers);
        using var measure = service.Metrics.Begin("chat", model.Name);
        var pieces = await service.Admission.Encode(
            context, () => service.Host.Chat(request, Admission.TokenOf(context)));
        var reply = new ChatReply(service, model.Name, body, measure);
        if (body.Stream == true)
            await reply.Stream(context, pieces);
        else
            await context.Response.WriteAsJsonAsync(
                await reply.Whole(pieces, request.Answers), ProtocolJson.Wire.ChatCompletion);
    }

    /// <summary>What the models are asked.</summary>
    private static ChatRequest Request(ChatCompletionRequest body, ServedModel model)
    {
        AnswerOptions.CheckStream(body.StreamOptions, body.Stream);
        if (body.AddGenerationPrompt == false)
            throw ApiException.Unexpected("add_generation_prompt", "false", "true: an answer begins a turn of its own");
        var tools = AskedTools.Of(body);
        var limit = body.MaxCompletionTokens is not null
            ? ("max_completion_tokens", body.MaxCompletionTokens)
            : ("max_tokens", body.MaxTokens);
        return new ChatRequest
        {
            Model = model.Name,
            Messages = AskedMessages.Of(body.Messages),
            Tools = tools.Tools,
            ToolChoice = tools.Choice,
            SeveralToolCalls = body.ParallelToolCalls != false,
            TemplateVariables = AskedThinking.Variables(
                body.ChatTemplateKwargs, "reasoning_effort", body.ReasoningEffort, model),
            ResponseFormat = AnswerForms.Of(body, body.ResponseFormat),
            Generation = AnswerOptions.Of(body, model, limit, model.Generation.StopStrings),
            LogitBias = AnswerOptions.LogitBias(body),
            TopLogProbabilities = LogProbabilities(body),
            IgnoreEnd = body.IgnoreEos == true,
            Answers = AnswerOptions.Answers(body.N),
        };
    }

    private static int? LogProbabilities(ChatCompletionRequest body)
    {
        AnswerOptions.Check(
            "top_logprobs", body.TopLogprobs, value => value is >= 0 and <= MostTopLogProbabilities,
            $"from 0 to {MostTopLogProbabilities}");
        if (body.TopLogprobs is not null && body.Logprobs != true)
        {
            throw ApiException.Wrong(
                "top_logprobs", "'top_logprobs' is given, and 'logprobs' is not true. Expected both or neither.");
        }
        return body.Logprobs == true ? body.TopLogprobs ?? 0 : null;
    }
}

/// <summary>The answer to one chat completion.</summary>
internal sealed class ChatReply(
    Service service, string model, ChatCompletionRequest body, ServerMetrics.AnswerMeasure measure)
{
    private readonly string _id = Service.NewId("chatcmpl-");
    private readonly long _created = service.Now;
    private readonly Dictionary<int, int> _calls = [];

    /// <summary>All of it in one object.</summary>
    public async Task<ChatCompletion> Whole(IAsyncEnumerable<ChatPiece> pieces, int count)
    {
        var answers = Enumerable.Range(0, count).Select(_ => new CollectedAnswer()).ToList();
        TokenUsage usage = default;
        await foreach (var piece in pieces)
        {
            Measure(piece);
            answers[piece.Answer].Add(piece, ThoughtOf(piece), Calls(piece));
            usage = piece.Usage ?? usage;
        }

        return new ChatCompletion(
            _id, "chat.completion", _created, model, [.. answers.Select(Choice)], Service.Usage(usage));
    }

    /// <summary>Its parts as they come.</summary>
    public async Task Stream(HttpContext context, IAsyncEnumerable<ChatPiece> pieces)
    {
        var stream = new EventStream(context);
        var begun = new HashSet<int>();
        TokenUsage usage = default, soFar = default;
        var isCounting = body.StreamOptions?.ContinuousUsageStats == true;
        await foreach (var piece in KeepAlive.During(pieces, Service.Silence, stream.WriteKeepAlive, service.Clock))
        {
            Measure(piece);
            (usage, soFar) = (piece.Usage ?? usage, piece.UsageSoFar);
            if (begun.Add(piece.Answer))
                await Write(piece.Answer, new ChatDelta { Role = "assistant", Content = "" });
            if (ThoughtOf(piece) is { } thought)
                await Write(piece.Answer, new ChatDelta { ReasoningContent = thought });
            if (piece.Text.Length > 0 || (body.Logprobs == true && piece.Tokens.Count > 0))
            {
                var delta = new ChatDelta { Content = piece.Text };
                await Write(piece.Answer, delta, probabilities: LogProbabilities(piece.Tokens));
            }
            foreach (var part in Calls(piece).SelectMany(Parts))
                await Write(piece.Answer, new ChatDelta { ToolCalls = [part] });
            if (piece.Finish is { } finish)
                await Write(piece.Answer, new ChatDelta(), FinishReasons.Of(finish));
        }

        if (body.StreamOptions?.IncludeUsage == true)
            await stream.Write(Chunk() with { Usage = Service.Usage(usage) }, ProtocolJson.Wire.ChatCompletionChunk);
        await stream.WriteDone();

        ChatCompletionChunk Chunk(params IReadOnlyList<ChatChunkChoice> choices) =>
            new(_id, "chat.completion.chunk", _created, model, choices)
            {
                Usage = isCounting ? Service.Usage(soFar) : null,
            };
        Task Write(int answer, ChatDelta delta, string? finish = null, ChatLogProbabilities? probabilities = null) =>
            stream.Write(
                Chunk(new ChatChunkChoice(answer, delta, probabilities, finish)),
                ProtocolJson.Wire.ChatCompletionChunk);
    }

    private ChatChoice Choice(CollectedAnswer answer, int index) => new(
        index,
        new AnswerMessage(
            "assistant", answer.Text.Length > 0 || answer.Calls.Count == 0 ? answer.Text : null, Refusal: null,
            answer.Thought.Length > 0 ? answer.Thought : null, answer.Calls.Count > 0 ? answer.Calls : null),
        LogProbabilities(answer.Tokens), FinishReasons.Of(answer.Finish));

    private ChatLogProbabilities? LogProbabilities(IReadOnlyList<DecodedToken> tokens) =>
        body.Logprobs == true ? new ChatLogProbabilities(service.Tokens.Describe(tokens)) : null;

    /// <summary>What a piece has of a thought; null for nothing, and where it is not wanted.</summary>
    private string? ThoughtOf(ChatPiece piece) =>
        piece.Thought.Length > 0 && body.IncludeReasoning != false ? piece.Thought : null;

    /// <summary>The calls of a piece, numbered.</summary>
    private List<WireToolCall> Calls(ChatPiece piece)
    {
        var calls = new List<WireToolCall>();
        foreach (var call in piece.ToolCalls)
        {
            var index = _calls.GetValueOrDefault(piece.Answer);
            _calls[piece.Answer] = index + 1;
            calls.Add(new WireToolCall
            {
                Index = index,
                Id = call.Id,
                Type = "function",
                Function = new WireFunctionCall { Name = call.Name, Arguments = call.Arguments },
            });
        }

        return calls;
    }

    /// <summary>A call as deltas: what is called, then with what.</summary>
    private static IEnumerable<WireToolCall> Parts(WireToolCall call) =>
    [
        call with { Function = call.Function! with { Arguments = "" } },
        new WireToolCall
        {
            Index = call.Index,
            Function = new WireFunctionCall { Arguments = call.Function.Arguments },
        },
    ];

    private void Measure(ChatPiece piece)
    {
        measure.Add(piece.Answer, piece.Tokens.Count);
        if (piece.Finish is { } finish)
            measure.End(FinishReasons.Of(finish));
        if (piece.Usage is { } usage)
            measure.Use(usage);
    }

    /// <summary>One answer, put together.</summary>
    private sealed class CollectedAnswer
    {
        private readonly StringBuilder _text = new();
        private readonly StringBuilder _thought = new();

        public string Text => _text.ToString();

        public string Thought => _thought.ToString();

        public List<WireToolCall> Calls { get; } = [];

        public List<DecodedToken> Tokens { get; } = [];

        public ChatFinish Finish { get; private set; }

        public void Add(ChatPiece piece, string? thought, IEnumerable<WireToolCall> calls)
        {
            _thought.Append(thought);
            _text.Append(piece.Text);
            Tokens.AddRange(piece.Tokens);
            Calls.AddRange(calls.Select(call => call with { Index = null }));
            Finish = piece.Finish ?? Finish;
        }
    }
}
