using System.Text.Json;
using Lorikeet.Data;
using Lorikeet.Models.Generation;
using Lorikeet.Server.Access;
using Lorikeet.Server.Protocol;
using Lorikeet.Server.Telemetry;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>POST /v1/responses, and those that are kept.</summary>
internal sealed class Responses(Service service)
{
    private const string LogProbabilitiesOfText = "message.output_text.logprobs";
    private const string EncryptedThoughts = "reasoning.encrypted_content"; // thoughts are given as they are
    private const int MostTopLogProbabilities = 20;

    private readonly ResponseStore _store = new();

    /// <summary>Answers, at once or as a stream of events.</summary>
    public async Task Answer(HttpContext context)
    {
        var body = await RequestBody.Read(context, ProtocolJson.Wire.ResponseRequest);
        var model = service.Find(body.Model);
        var owner = ApiKeys.OwnerOf(context);
        var conversation = Conversation(body, owner);
        var request = Request(body, model, conversation);
        using var measure = service.Metrics.Begin("chat", model.Name);
        var pieces = await service.Admission.Encode(
            context, () => service.Host.Chat(request, Admission.TokenOf(context)));
        var reply = new ResponseReply(
            service, Begin(body, model, request), request.TopLogProbabilities is not null);
        if (body.Stream == true)
        {
            await Stream(context, pieces, reply, measure, Keep);
        }
        else
        {
            var response = await Whole(pieces, reply, measure);
            Keep(response);
            await context.Response.WriteAsJsonAsync(response, ProtocolJson.Wire.ResponseObject);
        }

        void Keep(ResponseObject response)
        {
            if (body.Store != false)
                _store.Add(owner, new KeptResponse(response, [.. conversation, InputItems.Of(response.Output)]));
        }
    }

    /// <summary>GET /v1/responses/{id}.</summary>
    public Task Get(HttpContext context) => context.Response.WriteAsJsonAsync(
        Find(context, (string)context.Request.RouteValues["id"]!, "id").Response, ProtocolJson.Wire.ResponseObject);

    /// <summary>DELETE /v1/responses/{id}.</summary>
    public Task Delete(HttpContext context)
    {
        var kept = Find(context, (string)context.Request.RouteValues["id"]!, "id");
        _store.Remove(ApiKeys.OwnerOf(context), kept.Response.Id);
        return context.Response.WriteAsJsonAsync(
            new Deletion(kept.Response.Id, "response", Deleted: true), ProtocolJson.Wire.Deletion);
    }

    private KeptResponse Find(HttpContext context, string id, string param) =>
        _store.Find(ApiKeys.OwnerOf(context), id) ?? throw new ApiException(
            StatusCodes.Status404NotFound,
            $"The response '{id}' is not kept here. The newest are kept, in memory, unless 'store' is false.")
        { Param = param, Code = "response_not_found" };

    private List<ChatMessage> Conversation(ResponseRequest body, int owner)
    {
        if (body.Input is not { Count: > 0 } input)
            throw ApiException.Missing("input", "a text or an array of items");
        var before = body.PreviousResponseId is not { } id ? [] : _store.Find(owner, id)?.Conversation
            ?? throw new ApiException(
                StatusCodes.Status404NotFound,
                $"The response '{id}' is not kept here, so it cannot be gone on from. Send the whole conversation as "
                + "'input'.")
            { Param = "previous_response_id", Code = "previous_response_not_found" };
        return [.. before, .. InputItems.Of(input)];
    }

    private static ChatRequest Request(ResponseRequest body, ServedModel model, IReadOnlyList<ChatMessage> conversation)
    {
        AnswerOptions.CheckStream(body.StreamOptions, body.Stream);
        if (body.Truncation is not (null or "disabled"))
        {
            throw ApiException.Unexpected(
                "truncation", $"'{body.Truncation}'", "'disabled': nothing of a conversation is left out");
        }
        if (body.Background == true)
            throw ApiException.Unexpected("background", "true", "false: the response is given to who asked");
        if (body.Include?.Where(item => item is not (LogProbabilitiesOfText or EncryptedThoughts)).ToList()
            is [var unknown, ..])
            throw ApiException.Unexpected("include", $"'{unknown ?? "null"}'", $"'{LogProbabilitiesOfText}'");
        AskedMetadata.Check(body.Metadata);
        AnswerOptions.Check(
            "top_logprobs", body.TopLogprobs, value => value is >= 0 and <= MostTopLogProbabilities,
            $"from 0 to {MostTopLogProbabilities}");
        var tools = AskedTools.Of(body);
        return new ChatRequest
        {
            Model = model.Name,
            Messages = body.Instructions is { } instructions
                ? [new ChatMessage("system", instructions), .. conversation]
                : conversation,
            Tools = tools.Tools,
            ToolChoice = tools.Choice,
            SeveralToolCalls = body.ParallelToolCalls != false,
            TemplateVariables = AskedThinking.Variables(null, "reasoning.effort", body.Reasoning?.Effort, model),
            ResponseFormat = AnswerForms.Of(body),
            Generation = AnswerOptions.Of(
                body, model, ("max_output_tokens", body.MaxOutputTokens), model.Generation.StopStrings),
            LogitBias = AnswerOptions.LogitBias(body),
            TopLogProbabilities = body.TopLogprobs
                ?? (body.Include?.Contains(LogProbabilitiesOfText) == true ? 0 : null),
            IgnoreEnd = body.IgnoreEos == true,
        };
    }

    private ResponseObject Begin(ResponseRequest body, ServedModel model, ChatRequest request) => new()
    {
        Id = Service.NewId("resp_"),
        CreatedAt = service.Now,
        Status = "in_progress",
        Instructions = body.Instructions,
        MaxOutputTokens = body.MaxOutputTokens,
        Model = model.Name,
        Output = [],
        ParallelToolCalls = body.ParallelToolCalls != false,
        PreviousResponseId = body.PreviousResponseId,
        Store = body.Store != false,
        Temperature = request.Generation!.Draws ? request.Generation.Temperature : 0,
        TopP = request.Generation.TopP,
        Text = new ResponseText(body.Text?.Format ?? new ResponseTextFormat { Type = "text" }),
        ToolChoice = body.ToolChoice ?? JsonElement.Parse("\"auto\""u8),
        Tools = body.Tools ?? [],
        Metadata = body.Metadata,
    };

    private static async Task<ResponseObject> Whole(
        IAsyncEnumerable<ChatPiece> pieces, ResponseReply reply, ServerMetrics.AnswerMeasure measure)
    {
        await foreach (var piece in pieces)
        {
            Measure(piece, measure);
            reply.Add(piece);
        }

        return reply.Response;
    }

    private async Task Stream(
        HttpContext context, IAsyncEnumerable<ChatPiece> pieces, ResponseReply reply,
        ServerMetrics.AnswerMeasure measure, Action<ResponseObject> keep)
    {
        var stream = new EventStream(context) { WriteFault = WriteFault };
        var isBegun = false;
        await foreach (var piece in KeepAlive.During(pieces, Service.Silence, stream.WriteKeepAlive, service.Clock))
        {
            Measure(piece, measure);
            if (!isBegun)
                await Write(reply.Begin());
            isBegun = true;
            var events = reply.Add(piece);
            if (piece.Finish is not null)
                keep(reply.Response); // first: who hears of the end may go on from it at once
            await Write(events);
        }

        Task WriteFault(EventStream to, ApiException fault)
        {
            var error = reply.Fail(fault);
            return to.Write(error, ProtocolJson.Wire.ResponseFault, error.Type);
        }

        async Task Write(IReadOnlyList<ResponseEvent> events)
        {
            foreach (var one in events)
                await stream.Write(one, ProtocolJson.Wire.ResponseEvent, one.Type);
        }
    }

    private static void Measure(ChatPiece piece, ServerMetrics.AnswerMeasure measure)
    {
        measure.Add(piece.Answer, piece.Tokens.Count);
        if (piece.Finish is { } finish)
            measure.End(FinishReasons.Of(finish));
        if (piece.Usage is { } usage)
            measure.Use(usage);
    }
}
