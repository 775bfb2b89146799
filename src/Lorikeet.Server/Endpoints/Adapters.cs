using System.Text.RegularExpressions;
using Lorikeet.Server.Access;
using Lorikeet.Server.Protocol;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>
/// Adapters that come, go and are exchanged while the server runs: POST and DELETE /v1/adapters, and vLLM's.
/// </summary>
internal sealed partial class Adapters(Service service)
{
    /// <summary>GET /v1/adapters.</summary>
    public Task All(HttpContext context) => context.Response.WriteAsJsonAsync(
        new ModelCards("list", [.. service.Host.Models.Where(model => model.Base is not null).Select(ModelList.Card)]),
        ProtocolJson.Wire.ModelCards);

    /// <summary>POST /v1/adapters.</summary>
    public async Task Load(HttpContext context)
    {
        var body = await RequestBody.Read(context, ProtocolJson.Wire.AdapterRequest);
        var model = await Load(context, ("name", body.Name), ("source", body.Source), body.Replace == true);
        await context.Response.WriteAsJsonAsync(ModelList.Card(model), ProtocolJson.Wire.ModelCard);
    }

    /// <summary>DELETE /v1/adapters/{name}.</summary>
    public async Task Unload(HttpContext context)
    {
        var name = Service.RouteValue(context, "name");
        await Unload(context, name);
        await context.Response.WriteAsJsonAsync(new Deletion(name, "model", Deleted: true), ProtocolJson.Wire.Deletion);
    }

    /// <summary>POST /v1/load_lora_adapter.</summary>
    public async Task LoadLora(HttpContext context)
    {
        var body = await RequestBody.Read(context, ProtocolJson.Wire.LoadLoraRequest);
        var model = await Load(
            context, ("lora_name", body.LoraName), ("lora_path", body.LoraPath), body.LoadInplace == true);
        await context.Response.WriteAsync($"Success: LoRA adapter '{model.Name}' added successfully.");
    }

    /// <summary>POST /v1/unload_lora_adapter.</summary>
    public async Task UnloadLora(HttpContext context)
    {
        var body = await RequestBody.Read(context, ProtocolJson.Wire.UnloadLoraRequest);
        var name = body.LoraName ?? throw ApiException.Missing("lora_name", "the adapter's name");
        await Unload(context, name);
        await context.Response.WriteAsync($"Success: LoRA adapter '{name}' removed successfully.");
    }

    private async Task<ServedModel> Load(
        HttpContext context, (string Param, string? Value) name, (string Param, string? Value) source, bool replace)
    {
        service.Sources.RequireAllowed();
        if (name.Value is not { } named)
            throw ApiException.Missing(name.Param, "the adapter's name");
        if (!Name().IsMatch(named))
            throw ApiException.Unexpected(name.Param, "a text", "letters, digits and . _ - up to 128 of them");
        var place = service.Sources.Resolve(
            source.Param, source.Value ?? throw ApiException.Missing(source.Param, "a folder or a hub id"));
        if (service.Host.IsBase(named))
            throw Taken($"'{named}' means the base, which stays. Choose another name.");
        if (!replace && service.Host.Models.Any(model => model.Name == named))
            throw Taken($"A model is named '{named}' already. Choose another name, or replace it by 'replace'.");

        return await service.Host.LoadAdapter(named, place, replace, Admission.TokenOf(context));

        ApiException Taken(string message) =>
            new(StatusCodes.Status409Conflict, message) { Param = name.Param };
    }

    private async Task Unload(HttpContext context, string name)
    {
        service.Sources.RequireAllowed();
        try
        {
            await service.Host.UnloadAdapter(name, Admission.TokenOf(context));
        }
        catch (UnknownModelException fault)
        {
            throw Service.NotFound(fault);
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9][\w.-]{0,127}\z", RegexOptions.ECMAScript)]
    private static partial Regex Name();
}
