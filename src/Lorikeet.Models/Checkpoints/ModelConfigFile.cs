using Lorikeet.Formats;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Where the shape of a stored model is read.</summary>
public static class ModelConfigFile
{
    /// <summary>Reads <c>config.json</c> of a model folder, or the metadata of a GGUF file.</summary>
    /// <exception cref="CheckpointException">
    /// Missing, damaged, or an architecture or value Lorikeet would compute wrongly.
    /// </exception>
    public static ModelConfig Load(string folder)
    {
        if (GgufFile.Exists(folder))
            return GgufConfig.Read(folder);
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
        {
            var found = Directory.Exists(folder)
                ? "The folder holds: " + string.Join(
                    ", ", Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName)
                        .Where(name => !name!.StartsWith('.')).Take(12)) + "."
                : "The folder does not exist.";
            throw new CheckpointException(
                $"'{path}' was not found. A Hugging Face model folder was expected. {found}{Meant(folder)}");
        }

        return ModelConfigReader.Read(JsonSetting.Read(new JsonOrigin(path)
        {
            Advice = "If its author wrote it so, choose another model; if the file is damaged, download it again.",
        }));
    }

    /// <summary>What a run wrote is what was meant by its folder.</summary>
    private static string Meant(string folder) =>
        new[] { ("adapter", "adapter_config.json"), ("model", "config.json"), ("merged", "config.json") }
            .Where(part => File.Exists(Path.Combine(folder, part.Item1, part.Item2)))
            .Select(part => $" Did you mean '{Path.Combine(folder, part.Item1)}'?")
            .FirstOrDefault("");
}
