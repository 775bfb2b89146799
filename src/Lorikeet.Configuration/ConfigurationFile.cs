using System.Text;
using Lorikeet.Hub.Yaml;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Lorikeet.Configuration;

/// <summary>
/// Reads settings from YAML or JSON (which is YAML): one mapping of option names, flat or nested in groups. Every
/// setting keeps its line. Names are not judged here, only the form of the file.
/// </summary>
internal static class ConfigurationFile
{
    private static readonly string[] s_dataEndings =
        [".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".gz", ".pdf", ".safetensors", ".gguf"];

    /// <summary>Reads a file of options.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, or is no mapping of names to values.</exception>
    public static IReadOnlyList<FileEntry> Read(string path)
    {
        if (s_dataEndings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
        {
            throw new ConfigurationException(
                $"'{path}' stands where the configuration of a run does. A file of YAML or JSON with options was " +
                "expected, such as run.yaml. Name data by 'dataset', and a model by 'model'.");
        }

        try
        {
            using var text = new StreamReader(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return Parse(text, path);
        }
        catch (DecoderFallbackException fault)
        {
            throw new ConfigurationException(
                $"The configuration '{path}' is not text in UTF-8. Save it as UTF-8 in an editor.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                Directory.Exists(path)
                    ? $"The configuration '{path}' is a folder. Give the path of a YAML or JSON file in it."
                    : $"The configuration '{path}' cannot be read: {fault.Message} Give the path of a YAML or JSON " +
                        "file.",
                fault);
        }
    }

    /// <summary>Reads options from text; <paramref name="name"/> stands for the file in messages.</summary>
    public static IReadOnlyList<FileEntry> Parse(TextReader text, string name)
    {
        // No more than is read in any case: the file may be a dataset, or a device without an end.
        var buffer = new StringBuilder();
        var block = new char[1 << 16];
        int read;
        while (buffer.Length <= GuardedYaml.MostCharacters && (read = text.Read(block)) > 0)
            buffer.Append(block, 0, read);
        var yaml = buffer.ToString();
        try
        {
            return ReadRoot(new GuardedYaml(yaml), name);
        }
        catch (YamlException fault)
        {
            throw new ConfigurationException(ConfigurationFault.Explain(yaml, name, fault), fault);
        }
    }

    /// <summary>Reads {"name": value} from one text; null when it is not that.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>>? ReadInline(string text)
    {
        try
        {
            var entries = ReadRoot(new GuardedYaml(text), "");
            return AsMapping(entries)?.Entries;
        }
        catch (Exception fault) when (fault is YamlException or ConfigurationException)
        {
            return null;
        }
    }

    private static IReadOnlyList<FileEntry> ReadRoot(IParser parser, string file)
    {
        parser.Consume<StreamStart>();
        if (parser.Accept<StreamEnd>(out _))
            return [];
        parser.Consume<DocumentStart>();
        if (parser.Accept<Scalar>(out var empty) && empty.Value.Length == 0)
            return [];
        if (!parser.Accept<MappingStart>(out _))
        {
            throw new ConfigurationException(
                $"{Here(parser, file)}: This is not a list of options. Expected lines such as 'lora_r: 16'.");
        }

        var entries = ReadMapping(parser, file);
        parser.Consume<DocumentEnd>();
        if (parser.Accept<StreamEnd>(out _))
            return entries;
        throw new ConfigurationException(
            $"{Here(parser, file)}: A second document begins. Expected one run in a file; delete the line '---'.");
    }

    private static List<FileEntry> ReadMapping(IParser parser, string file)
    {
        var entries = new List<FileEntry>();
        parser.Consume<MappingStart>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            RefuseAlias(parser, file);
            var key = parser.Consume<Scalar>();
            entries.Add(ReadEntry(parser, file, key.Value, (int)key.Start.Line));
        }

        return entries;
    }

    private static FileEntry ReadEntry(IParser parser, string file, string key, int line)
    {
        RefuseAlias(parser, file);
        if (parser.TryConsume<Scalar>(out var scalar))
            return new FileEntry(key, line, new RawValue.Scalar(Text(scalar)), null);
        if (parser.Accept<MappingStart>(out _))
        {
            var inner = ReadMapping(parser, file);
            return new FileEntry(key, line, AsMapping(inner), inner);
        }

        parser.Consume<SequenceStart>();
        var items = new List<string>();
        var mappings = new List<FileEntry>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            RefuseAlias(parser, file);
            if (parser.Accept<MappingStart>(out var start))
            {
                var inner = ReadMapping(parser, file);
                mappings.Add(new FileEntry(key, (int)start.Start.Line, AsMapping(inner), inner));
                continue;
            }

            if (!parser.TryConsume<Scalar>(out var item))
            {
                throw new ConfigurationException(
                    $"{Here(parser, file)}: '{key}' holds a list or mapping inside its list. Expected plain values.");
            }

            items.Add(item.Value);
        }

        return mappings.Count == 0
            ? new FileEntry(key, line, new RawValue.Sequence(items) { AreWhole = true }, null)
            : new FileEntry(key, line, null, null)
            {
                Items = [.. items.Select(item =>
                    new FileEntry(
                        key, line, null, [new FileEntry("path", line, new RawValue.Scalar(item), null)])), .. mappings],
            };
    }

    /// <summary>The entries as names with texts; null when one of them is something else.</summary>
    private static RawValue.Mapping? AsMapping(IReadOnlyList<FileEntry> entries)
    {
        var texts = entries.Select(entry => (entry.Key, (entry.Value as RawValue.Scalar)?.Text)).ToList();
        return texts.All(pair => pair.Text is not null)
            ? new RawValue.Mapping([.. texts.Select(pair => KeyValuePair.Create(pair.Key, pair.Text!))])
            : null;
    }

    private static string? Text(Scalar scalar)
    {
        var isNull = scalar.Value is "" or "~" or "null" or "Null" or "NULL";
        return isNull && scalar.Style == ScalarStyle.Plain ? null : scalar.Value;
    }

    private static string Here(IParser parser, string file) => $"{file}:{parser.Current!.Start.Line}";

    private static void RefuseAlias(IParser parser, string file)
    {
        if (parser.Accept<AnchorAlias>(out var alias))
        {
            throw new ConfigurationException(
                $"{Here(parser, file)}: '*{alias.Value}' refers to another value. Expected the value itself.");
        }
    }
}

/// <summary>One line of a configuration.</summary>
/// <param name="Key">As written.</param>
/// <param name="Line">From 1.</param>
/// <param name="Value">The value; null for a mapping that itself holds lists or mappings.</param>
/// <param name="Inner">The entries of a mapping, which may be a group of options.</param>
internal sealed record FileEntry(string Key, int Line, RawValue? Value, IReadOnlyList<FileEntry>? Inner)
{
    /// <summary>
    /// The items of a list that holds mappings, which no option of Lorikeet's takes; null for all else.
    /// </summary>
    public IReadOnlyList<FileEntry>? Items { get; init; }

    /// <summary>The name as the file has it, where that is another tool's.</summary>
    public string Spelled { get; init; } = Key;
}
