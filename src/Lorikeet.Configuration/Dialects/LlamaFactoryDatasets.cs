using System.Text.Json;
using Lorikeet.Hub;

namespace Lorikeet.Configuration.Dialects;

/// <summary>
/// The datasets of LLaMA-Factory: names that <c>dataset_info.json</c> in its folder of data explains.
/// </summary>
internal static class LlamaFactoryDatasets
{
    private const string InfoFile = "dataset_info.json";
    private const long LongestInfo = 4 << 20;

    private static readonly (string Theirs, string Ours)[] s_names =
        [("prompt", "instruction"), ("query", "input"), ("response", "output"), ("system", "system")];

    private static readonly (string Theirs, string Ours)[] s_ranked =
    [
        ("prompt", "prompt"), ("query", "input"), ("chosen", "chosen"), ("rejected", "rejected"), ("system", "system"),
        ("history", "history"),
    ];

    private static readonly (string Theirs, string Ours)[] s_rated =
    [
        ("prompt", "prompt"), ("query", "input"), ("response", "completion"), ("kto_tag", "label"),
        ("system", "system"), ("history", "history"),
    ];

    /// <summary>Translates the names of datasets.</summary>
    public static void Translate(FileEntry entry, Translation into, bool isEvaluation)
    {
        var names = entry.Value!.Display.Split(
            ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var folder = into.TextOf("dataset_dir") ?? "data";
        if (!Directory.Exists(folder))
            folder = Path.Combine(into.Folder, folder);
        using var info = Read(Path.Combine(folder, InfoFile));
        var paths = new List<string>();
        List<(string Name, string Value)>? common = null;
        foreach (var name in names)
        {
            if (info is not null && info.RootElement.TryGetProperty(name, out var known)
                && known.ValueKind == JsonValueKind.Object)
            {
                var settings = Settings(known, isEvaluation);
                if (common is not null && !common.SequenceEqual(settings))
                    into.Refuse(entry, "All datasets of a run are read alike here, and these differ. Join them into " +
                        "files of one kind first.");
                common ??= settings;
                paths.Add(Place(known, folder) ?? name);
            }
            else if (Path.Exists(name) || (name.Contains('/') && HubClient.IsId(name)))
            {
                paths.Add(name);
            }
            else
            {
                into.Refuse(entry, $"'{name}' is a name of LLaMA-Factory's {InfoFile}, which was not found with it in "
                    + $"'{folder}'. Set dataset_dir to that folder, or name a file or hub id.");
                return;
            }
        }

        into.Set(entry, isEvaluation ? "eval_dataset" : "dataset", paths);
        foreach (var (name, value) in common ?? [])
            into.Set(entry, name, value);
    }

    private static JsonDocument? Read(string path)
    {
        try
        {
            return new FileInfo(path) is { Exists: true, Length: < LongestInfo }
                && JsonDocument.Parse(File.ReadAllBytes(path)) is { RootElement.ValueKind: JsonValueKind.Object } info
                    ? info
                    : null;
        }
        catch (Exception fault) when (fault is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? Place(JsonElement dataset, string folder) =>
        Text(dataset, "file_name") is { } file ? Path.Combine(folder, file)
        : Text(dataset, "hf_hub_url");

    private static List<(string Name, string Value)> Settings(JsonElement dataset, bool isEvaluation)
    {
        var settings = new List<(string, string)>();
        if (Text(dataset, "split") is { } split)
            settings.Add((isEvaluation ? "dataset_test_split" : "dataset_train_split", split));
        if (isEvaluation)
            return settings;
        if (Text(dataset, "subset") is { } subset)
            settings.Add(("dataset_config", subset));
        var columns = dataset.TryGetProperty("columns", out var map) && map.ValueKind == JsonValueKind.Object
            ? map.EnumerateObject().Where(pair => pair.Value.ValueKind == JsonValueKind.String)
                .ToDictionary(pair => pair.Name, pair => pair.Value.GetString()!)
            : new Dictionary<string, string>();
        if (Text(dataset, "formatting") == "sharegpt")
        {
            var isMessages = dataset.TryGetProperty("tags", out var tags) && Text(tags, "role_tag") == "role";
            settings.Add(("dataset_shape", isMessages ? "messages" : "sharegpt"));
            if (columns.GetValueOrDefault("messages") is { } messages
                && messages != (isMessages ? "messages" : "conversations"))
                settings.Add(("column_map", $"{(isMessages ? "messages" : "conversations")}={messages}"));
            return settings;
        }

        // Their 'prompt' is the instruction, 'query' its input, 'response' the output.
        var isRanking = dataset.TryGetProperty("ranking", out var ranking) && ranking.ValueKind == JsonValueKind.True;
        if (isRanking || columns.ContainsKey("kto_tag"))
        {
            var known = isRanking ? s_ranked : s_rated;
            settings.Add(("dataset_shape", isRanking ? "preference" : "prompt_completion"));
            settings.Add(("column_map", string.Join(",", known
                .Where(pair => columns.ContainsKey(pair.Theirs))
                .Select(pair => $"{pair.Ours}={columns[pair.Theirs]}"))));
            return settings;
        }

        List<string> named = [.. s_names
            .Where(pair => columns.GetValueOrDefault(pair.Theirs) is { Length: > 0 } column && column != pair.Ours)
            .Select(pair => $"{pair.Ours}={columns[pair.Theirs]}")];
        settings.Add(("dataset_shape", columns.Count == 1 && columns.ContainsKey("prompt") ? "text" : "instruction"));
        if (columns.Count == 1 && columns.GetValueOrDefault("prompt") is { } text)
            settings.Add(("dataset_text_field", text));
        else if (named.Count > 0)
            settings.Add(("column_map", string.Join(",", named)));
        return settings;
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
