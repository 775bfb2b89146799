using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Hub.Tests.Serving;

/// <content>What the hub takes.</content>
internal sealed partial class LocalHub
{
    private readonly ConcurrentDictionary<string, byte[]> _stored = new();
    private readonly ConcurrentDictionary<string, byte[]> _parts = new();

    /// <summary>The length of the parts that large files are asked for in; null asks for them whole.</summary>
    public int? PartSize { get; set; }

    /// <summary>The header line of the last commit.</summary>
    public JsonNode? LastCommit { get; private set; }

    private async Task<bool> AnswerUploadAsync(HttpContext context, string path, string token)
    {
        var isWrite = HttpMethods.IsPost(context.Request.Method) || path == "api/whoami-v2";
        if (!isWrite)
            return false;
        if (token != $"Bearer {Token}")
        {
            context.Response.StatusCode = 403;
            await context.Response.WriteAsJsonAsync(new { error = "You don't have the rights." });
            return true;
        }

        var body = await new StreamReader(context.Request.Body).ReadToEndAsync();
        var answer = path.Split('/') switch
        {
            ["api", "whoami-v2"] => new JsonObject { ["name"] = "me" },
            ["api", "repos", "create"] => Create(context, JsonNode.Parse(body)!),
            ["api", "models", var owner, var name, "preupload", _] => Sort(JsonNode.Parse(body)!),
            ["api", "models", var owner, var name, "branch", var branch] => Branch(context, $"{owner}/{name}", branch),
            ["api", "models", var owner, var name, "commit", var branch] =>
                Commit($"{owner}/{name}", branch, context.Request.Query["create_pr"] == "1", body),
            [.., "info", "lfs", "objects", "batch"] => Batch(JsonNode.Parse(body)!),
            ["complete", var hash] => Complete(hash, JsonNode.Parse(body)!),
            ["verify"] => Verify(context, JsonNode.Parse(body)!),
            _ => throw new InvalidOperationException($"The test hub does not know POST {path}."),
        };
        await context.Response.WriteAsync(answer.ToJsonString());
        return true;
    }

    private JsonObject Create(HttpContext context, JsonNode question)
    {
        var id = $"{question["organization"]}/{question["name"]}";
        var repository = new ServedRepository { IsPrivate = question["private"]!.GetValue<bool>() };
        if (!Repositories.TryAdd(id, repository))
            context.Response.StatusCode = StatusCodes.Status409Conflict;
        return [];
    }

    private static JsonObject Sort(JsonNode question) => new()
    {
        ["files"] = new JsonArray([.. question["files"]!.AsArray().Select(file => new JsonObject
        {
            ["path"] = file!["path"]!.DeepClone(),
            ["uploadMode"] = file["size"]!.GetValue<long>() >= ServedRepository.LargeFile ? "lfs" : "regular",
            ["shouldIgnore"] = file["path"]!.GetValue<string>().EndsWith(".ignored", StringComparison.Ordinal),
        })]),
    };

    private JsonObject Batch(JsonNode question) => new()
    {
        ["objects"] = new JsonArray([.. question["objects"]!.AsArray().Select(Offer)]),
    };

    private JsonObject Offer(JsonNode? wanted)
    {
        var hash = wanted!["oid"]!.GetValue<string>();
        var size = wanted["size"]!.GetValue<int>();
        var offer = new JsonObject { ["oid"] = hash, ["size"] = size };
        if (_stored.ContainsKey(hash))
            return offer;

        var header = new JsonObject();
        if (PartSize is { } part)
        {
            header["chunk_size"] = part.ToString();
            for (var i = 0; i * part < size; i++)
                header[$"{i + 1:00000}"] = $"{_storage}/{hash}?part={i + 1}";
        }
        else
        {
            header["x-from"] = "batch";
        }
        var address = PartSize is null ? $"{_storage}/{hash}" : $"{Endpoint}complete/{hash}";
        offer["actions"] = new JsonObject
        {
            ["upload"] = new JsonObject { ["href"] = address, ["header"] = header },
            ["verify"] = new JsonObject { ["href"] = $"{Endpoint}verify" },
        };
        return offer;
    }

    private async Task<bool> StoreAsync(HttpContext context, string hash)
    {
        if (!HttpMethods.IsPut(context.Request.Method))
            return false;
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var part = context.Request.Query["part"].ToString();
        if (part.Length == 0 && context.Request.Headers["x-from"] != "batch")
            throw new InvalidOperationException("The header of the batch answer is missing.");
        if (part.Length == 0)
            _stored[hash] = body.ToArray();
        else
            _parts[$"{hash}/{part}"] = body.ToArray();
        context.Response.Headers.ETag = $"\"part-{part}\"";
        return true;
    }

    private JsonObject Complete(string hash, JsonNode question)
    {
        var parts = question["parts"]!.AsArray();
        Assert.All(parts, part => Assert.Equal($"\"part-{part!["partNumber"]}\"", (string?)part["etag"]));
        _stored[hash] = [.. parts.SelectMany(part => _parts[$"{hash}/{part!["partNumber"]}"])];
        return [];
    }

    private JsonObject Verify(HttpContext context, JsonNode claim)
    {
        var content = _stored[claim["oid"]!.GetValue<string>()];
        if (content.Length != claim["size"]!.GetValue<int>())
            context.Response.StatusCode = StatusCodes.Status422UnprocessableEntity;
        return [];
    }

    private JsonObject Branch(HttpContext context, string id, string branch)
    {
        if (!Repositories[id].Branches.Add(branch))
            context.Response.StatusCode = StatusCodes.Status409Conflict;
        return [];
    }

    private JsonObject Commit(string id, string branch, bool createsPullRequest, string body)
    {
        var repository = Repositories[id];
        Assert.Contains(branch, repository.Branches);
        var files = new Dictionary<string, byte[]>();
        foreach (var text in body.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var line = JsonNode.Parse(text)!;
            var value = line["value"]!;
            if ((string?)line["key"] == "header")
                LastCommit = value.DeepClone();
            else
                files[(string)value["path"]!] = (string?)line["key"] == "file"
                    ? Convert.FromBase64String((string)value["content"]!)
                    : _stored[(string)value["oid"]!];
        }
        repository.Take(files);
        var answer = new JsonObject { ["commitOid"] = repository.Commit, ["commitUrl"] = $"{Endpoint}{id}/commit/x" };
        if (createsPullRequest)
            answer["pullRequestUrl"] = $"{Endpoint}{id}/discussions/1";
        return answer;
    }
}
