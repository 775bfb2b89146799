using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Upload;

/// <summary>Sends files to the hub's large-file storage: in one piece, or in the parts it asks for.</summary>
/// <remarks>Source: the Git LFS batch API, with the hub's <c>multipart</c> transfer.</remarks>
internal sealed class LargeFileUpload(HubTransport transport, PushErrors errors)
{
    private const string ChunkSize = "chunk_size";
    private const string MediaType = "application/vnd.git-lfs+json";

    /// <summary>Asks which of the contents the storage lacks, and sends those.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="branch">The branch they are for.</param>
    /// <param name="files">The files by the SHA-256 of their contents.</param>
    /// <param name="onBytes">Called with every number of bytes sent, or found to be there already.</param>
    /// <param name="cancellation">Stops the upload.</param>
    public async Task SendAsync(
        Repository repository,
        string branch,
        IReadOnlyDictionary<string, UploadFile> files,
        Action<UploadFile, long> onBytes,
        CancellationToken cancellation)
    {
        var answer = await AskAsync(repository, branch, files, cancellation).ConfigureAwait(false);
        foreach (var content in answer["objects"].Items)
        {
            var hash = content["oid"];
            if (!files.TryGetValue(hash.Text, out var file))
                throw hash.Wrong("the hash of a file that was announced");
            if (content.Find("error") is { } fault)
                throw PushErrors.Storage(repository, file, fault.Find("message")?.Text ?? "no reason is given");
            if (content.Find("actions")?.Find("upload") is { } upload)
                await SendAsync(repository, content, upload, file, bytes => onBytes(file, bytes), cancellation)
                    .ConfigureAwait(false);
            else
                onBytes(file, file.Size);
        }
    }

    private async Task<HubAnswer> AskAsync(
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
        return await transport.ReadAsync(response, "ask for storage", cancellation).ConfigureAwait(false);
    }

    private async Task SendAsync(
        Repository repository,
        HubAnswer content,
        HubAnswer upload,
        UploadFile file,
        Action<long> onBytes,
        CancellationToken cancellation)
    {
        var address = PushErrors.RequireAddress(transport.AddressOf(""), upload["href"]);
        var headers = upload.Find("header")?.Properties.DistinctBy(header => header.Name).ToList() ?? [];
        if (headers.Find(header => header.Name == ChunkSize).Value is { } partSize)
        {
            if (!long.TryParse(partSize.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var size)
                || size < 1)
                throw partSize.Wrong("the length of a part");
            await SendPartsAsync(repository, content, address, headers, size, file, onBytes, cancellation)
                .ConfigureAwait(false);
        }
        else
        {
            var body = new FileRangeContent(file.Source, 0, file.Size, onBytes);
            using var response = await PutAsync(
                address, body, headers.Select(header => (header.Name, header.Value.Text)), cancellation)
                .ConfigureAwait(false);
            await errors.RequireSuccessAsync(repository, $"store '{file.Path}'", response, cancellation)
                .ConfigureAwait(false);
        }

        if (content["actions"].Find("verify")?.Find("href") is { } verify)
        {
            var claim = new JsonObject { ["oid"] = content["oid"].Text, ["size"] = file.Size };
            using var response = await PostAsync(
                PushErrors.RequireAddress(transport.AddressOf(""), verify), claim, cancellation).ConfigureAwait(false);
            await errors.RequireSuccessAsync(repository, $"verify '{file.Path}'", response, cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Every header that is a number is the address of that part.</summary>
    private async Task SendPartsAsync(
        Repository repository,
        HubAnswer content,
        Uri completion,
        IReadOnlyList<(string Name, HubAnswer Value)> headers,
        long partSize,
        UploadFile file,
        Action<long> onBytes,
        CancellationToken cancellation)
    {
        var addresses = headers
            .Where(header => int.TryParse(header.Name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .OrderBy(header => int.Parse(header.Name, CultureInfo.InvariantCulture))
            .Select(header => PushErrors.RequireAddress(transport.AddressOf(""), header.Value))
            .ToList();
        // Fewer would leave the file's end out, more would begin behind it.
        if (addresses.Count != (file.Size - 1) / partSize + 1)
            throw content["oid"].Wrong($"a content with an address for each of its parts of {partSize} bytes");
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

        var completed = new JsonObject { ["oid"] = content["oid"].Text, ["parts"] = parts };
        using var answer = await PostAsync(completion, completed, cancellation).ConfigureAwait(false);
        await errors.RequireSuccessAsync(repository, $"complete '{file.Path}'", answer, cancellation)
            .ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> PutAsync(
        Uri address,
        HttpContent body,
        IEnumerable<(string Name, string Value)> headers,
        CancellationToken cancellation)
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
