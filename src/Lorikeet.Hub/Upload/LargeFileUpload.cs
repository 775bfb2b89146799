using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Hub.Upload;

/// <summary>Sends files to the hub's large-file storage: in one piece, or in the parts it asks for.</summary>
/// <remarks>Source: the Git LFS batch API, with the hub's <c>multipart</c> transfer.</remarks>
internal sealed class LargeFileUpload(HubTransport transport, PushErrors errors)
{
    private const string MediaType = "application/vnd.git-lfs+json";

    /// <summary>Asks which of the contents the storage lacks, and sends those.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="branch">The branch they are for.</param>
    /// <param name="files">The files by the SHA-256 of their contents.</param>
    /// <param name="onBytes">Told every number of bytes sent, or found to be there already.</param>
    /// <param name="cancellation">Stops the upload.</param>
    public async Task SendAsync(
        Repository repository,
        string branch,
        IReadOnlyDictionary<string, UploadFile> files,
        Action<UploadFile, long> onBytes,
        CancellationToken cancellation)
    {
        var answer = await AskAsync(repository, branch, files, cancellation).ConfigureAwait(false);
        foreach (var content in answer["objects"]!.AsArray())
        {
            var file = files[content!["oid"]!.GetValue<string>()];
            if (content["error"] is { } fault)
                throw PushErrors.Storage(repository, file, (string?)fault["message"] ?? fault.ToJsonString());
            if (content["actions"]?["upload"] is { } upload)
                await SendAsync(repository, content, upload, file, bytes => onBytes(file, bytes), cancellation)
                    .ConfigureAwait(false);
            else
                onBytes(file, file.Size);
        }
    }

    private async Task<JsonNode> AskAsync(
        Repository repository,
        string branch,
        IReadOnlyDictionary<string, UploadFile> files,
        CancellationToken cancellation)
    {
        var question = new JsonObject
        {
            ["operation"] = "upload",
            ["transfers"] = new JsonArray("basic", "multipart"),
            ["hash_algo"] = "sha256",
            ["ref"] = new JsonObject { ["name"] = branch },
            ["objects"] = new JsonArray(
                [.. files.Select(file => new JsonObject { ["oid"] = file.Key, ["size"] = file.Value.Size })]),
        };
        var address = transport.AddressOf($"{repository.Page}.git/info/lfs/objects/batch");
        using var response = await PostAsync(address, question, cancellation).ConfigureAwait(false);
        await errors.RequireSuccessAsync(repository, "ask for storage", response, cancellation).ConfigureAwait(false);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false))!;
    }

    private async Task SendAsync(
        Repository repository,
        JsonNode content,
        JsonNode upload,
        UploadFile file,
        Action<long> onBytes,
        CancellationToken cancellation)
    {
        var address = new Uri(upload["href"]!.GetValue<string>());
        var headers = upload["header"]?.AsObject().ToDictionary(pair => pair.Key, pair => pair.Value!.ToString()) ?? [];
        if (headers.Remove("chunk_size", out var partSize))
        {
            var size = long.Parse(partSize, CultureInfo.InvariantCulture);
            await SendPartsAsync(repository, content, address, headers, size, file, onBytes, cancellation)
                .ConfigureAwait(false);
        }
        else
        {
            var body = new FileRangeContent(file.Source, 0, file.Size, onBytes);
            using var response = await PutAsync(address, body, headers, cancellation).ConfigureAwait(false);
            await errors.RequireSuccessAsync(repository, $"store '{file.Path}'", response, cancellation)
                .ConfigureAwait(false);
        }

        if (content["actions"]!["verify"]?["href"]?.GetValue<string>() is { } verify)
        {
            var claim = new JsonObject { ["oid"] = content["oid"]!.DeepClone(), ["size"] = file.Size };
            using var response = await PostAsync(new Uri(verify), claim, cancellation).ConfigureAwait(false);
            await errors.RequireSuccessAsync(repository, $"verify '{file.Path}'", response, cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Every header that is a number is the address of that part.</summary>
    private async Task SendPartsAsync(
        Repository repository,
        JsonNode content,
        Uri completion,
        Dictionary<string, string> headers,
        long partSize,
        UploadFile file,
        Action<long> onBytes,
        CancellationToken cancellation)
    {
        var addresses = headers
            .Where(header => int.TryParse(header.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .OrderBy(header => int.Parse(header.Key, CultureInfo.InvariantCulture))
            .Select(header => new Uri(header.Value));
        var parts = new JsonArray();
        foreach (var (index, address) in addresses.Index())
        {
            var start = index * partSize;
            var body = new FileRangeContent(file.Source, start, Math.Min(partSize, file.Size - start), onBytes);
            using var response = await PutAsync(address, body, [], cancellation).ConfigureAwait(false);
            var step = $"store part {index + 1} of '{file.Path}'";
            await errors.RequireSuccessAsync(repository, step, response, cancellation).ConfigureAwait(false);
            parts.Add(new JsonObject { ["partNumber"] = index + 1, ["etag"] = response.Headers.ETag?.Tag });
        }

        var completed = new JsonObject { ["oid"] = content["oid"]!.DeepClone(), ["parts"] = parts };
        using var answer = await PostAsync(completion, completed, cancellation).ConfigureAwait(false);
        await errors.RequireSuccessAsync(repository, $"complete '{file.Path}'", answer, cancellation)
            .ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> PutAsync(
        Uri address, HttpContent body, Dictionary<string, string> headers, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, address) { Content = body };
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                body.Headers.TryAddWithoutValidation(name, value);
        }
        return await transport.SendUploadAsync(request, cancellation).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> PostAsync(Uri address, JsonNode body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, MediaType),
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(MediaType));
        return await transport.SendUploadAsync(request, cancellation).ConfigureAwait(false);
    }
}
