using Lorikeet.Server.Protocol;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>POST /tokenize and /detokenize, as vLLM has them.</summary>
internal sealed class Tokens(Service service)
{
    /// <summary>Token ids of a text, or of a conversation up to its answer.</summary>
    public async Task Tokenize(HttpContext context)
    {
        var body = await RequestBody.Read(context, ProtocolJson.Wire.TokenizeRequest);
        var model = service.Find(body.Model);
        var ids = await service.Admission.Encode(context, () => (body.Prompt, body.Messages) switch
        {
            ({ } text, null) => service.Host.Tokenize(text, body.AddSpecialTokens != false),
            (null, not null) => service.Host.Tokenize(
                new ChatRequest { Model = model.Name, Messages = AskedMessages.Of(body.Messages) }),
            (null, null) => throw ApiException.Missing("prompt", "a text, or 'messages'"),
            _ => throw ApiException.Wrong("messages", "'prompt' and 'messages' are both given. Expected one of them."),
        });
        await context.Response.WriteAsJsonAsync(
            new Tokenized(ids.Length, model.MaxLength, ids), ProtocolJson.Wire.Tokenized);
    }

    /// <summary>The text of token ids.</summary>
    public async Task Detokenize(HttpContext context)
    {
        var body = await RequestBody.Read(context, ProtocolJson.Wire.DetokenizeRequest);
        _ = service.Find(body.Model);
        var ids = body.Tokens ?? throw ApiException.Missing("tokens", "an array of token ids");
        var vocabulary = service.Host.Model.Tokenizer?.VocabularySize ?? 0;
        for (var i = 0; i < ids.Count; i++)
        {
            if (ids[i] < 0 || ids[i] >= vocabulary)
                throw ApiException.Unexpected($"tokens[{i}]", ids[i], $"an id from 0 to {vocabulary - 1}");
        }

        await context.Response.WriteAsJsonAsync(
            new Detokenized(service.Host.Detokenize(ids)), ProtocolJson.Wire.Detokenized);
    }
}
