using Lorikeet.Server.Protocol;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>GET /v1/models and /v1/models/{id}.</summary>
internal sealed class ModelList(Service service)
{
    /// <summary>The base and its adapters.</summary>
    public Task All(HttpContext context) => context.Response.WriteAsJsonAsync(
        new ModelCards("list", [.. service.Host.Models.Select(Card)]), ProtocolJson.Wire.ModelCards);

    /// <summary>One of them, whose name may have slashes.</summary>
    public Task One(HttpContext context) => context.Response.WriteAsJsonAsync(
        Card(service.Find(Service.RouteValue(context, "id"))), ProtocolJson.Wire.ModelCard);

    /// <summary>A model as the protocol has it.</summary>
    public static ModelCard Card(ServedModel model) => new(
        model.Name, "model", model.Created.ToUnixTimeSeconds(), "lorikeet", model.Name, model.Base, model.MaxLength);
}
