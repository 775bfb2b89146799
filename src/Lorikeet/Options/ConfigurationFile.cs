using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Lorikeet.Options;

/// <summary>
/// Reads settings from YAML or JSON (which is YAML): one mapping of option names, flat or nested in groups. Every
/// setting keeps its line. Names are not judged here, only the form of the file.
/// </summary>
internal static class ConfigurationFile
{
    /// <summary>Reads a file of options.</summary>
    /// <exception cref="ConfigurationException">The file cannot be read or is no mapping of names to values.</exception>
    public static IReadOnlyList<FileEntry> Read(string path)
    {
        try
        {
            using var text = File.OpenText(path);
            return Parse(text, path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"The configuration '{path}' cannot be read: {fault.Message} Give the path of a YAML or JSON file.", fault);
        }
    }

    /// <summary>Reads options from text; <paramref name="name"/> stands for the file in messages.</summary>
    public static IReadOnlyList<FileEntry> Parse(TextReader text, string name)
    {
        try
        {
            return ReadRoot(new Parser(text), name);
        }
        catch (YamlException fault)
        {
            throw new ConfigurationException(
                $"{name}:{fault.Start.Line}:{fault.Start.Column}: {Sentence(fault.Message)} Expected YAML, such as 'lora_r: 16'.",
                fault);
        }
    }

    /// <summary>Reads {"name": value} from one text; null when it is not that.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>>? ReadInline(string text)
    {
        try
        {
            var entries = ReadRoot(new Parser(new StringReader(text)), "");
            return entries.All(entry => entry.Value is RawValue.Scalar { Text: not null })
                ? [.. entries.Select(entry => KeyValuePair.Create(entry.Key, ((RawValue.Scalar)entry.Value!).Text!))]
                : null;
        }
        catch (Exception fault) when (fault is YamlException or ConfigurationException)
        {
            return null;
        }
    }

    private static IReadOnlyList<FileEntry> ReadRoot(IParser parser, string file)
    {
        parser.Consume<StreamStart>();
        if (parser.Accept<StreamEnd>(out _)) return [];
        parser.Consume<DocumentStart>();
        if (parser.Accept<Scalar>(out var empty) && empty.Value.Length == 0) return [];
        if (!parser.Accept<MappingStart>(out _))
        {
            throw new ConfigurationException(
                $"{file}:{parser.Current!.Start.Line}: This is not a list of options. Expected lines such as 'lora_r: 16'.");
        }

        var entries = ReadMapping(parser, file);
        parser.Consume<DocumentEnd>();
        if (parser.Accept<StreamEnd>(out _)) return entries;
        throw new ConfigurationException(
            $"{file}:{parser.Current!.Start.Line}: A second document begins. Expected one run in a file; delete the line '---'.");
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
        if (parser.TryConsume<Scalar>(out var scalar)) return new FileEntry(key, line, new RawValue.Scalar(Text(scalar)), null);
        if (parser.Accept<MappingStart>(out _))
        {
            var inner = ReadMapping(parser, file);
            return new FileEntry(key, line, AsMapping(inner), inner);
        }

        parser.Consume<SequenceStart>();
        var items = new List<string>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            RefuseAlias(parser, file);
            if (!parser.TryConsume<Scalar>(out var item))
            {
                throw new ConfigurationException(
                    $"{file}:{parser.Current!.Start.Line}: '{key}' holds a list or mapping inside its list. Expected plain values.");
            }

            items.Add(item.Value);
        }

        return new FileEntry(key, line, new RawValue.Sequence(items), null);
    }

    private static RawValue.Mapping? AsMapping(List<FileEntry> entries) =>
        entries.All(entry => entry.Value is RawValue.Scalar { Text: not null })
            ? new RawValue.Mapping([.. entries.Select(entry => KeyValuePair.Create(entry.Key, ((RawValue.Scalar)entry.Value!).Text!))])
            : null;

    private static string? Text(Scalar scalar) =>
        scalar.Style == ScalarStyle.Plain && scalar.Value is "" or "~" or "null" or "Null" or "NULL" ? null : scalar.Value;

    private static void RefuseAlias(IParser parser, string file)
    {
        if (parser.Accept<AnchorAlias>(out var alias))
        {
            throw new ConfigurationException(
                $"{file}:{alias.Start.Line}: '*{alias.Value}' refers to another value. Expected the value itself; write it out.");
        }
    }

    private static string Sentence(string message) => message.TrimEnd().TrimEnd('.') + ".";
}

/// <summary>One line of a configuration.</summary>
/// <param name="Key">As written.</param>
/// <param name="Line">From 1.</param>
/// <param name="Value">The value; null for a mapping that itself holds lists or mappings.</param>
/// <param name="Inner">The entries of a mapping, which may be a group of options.</param>
internal sealed record FileEntry(string Key, int Line, RawValue? Value, IReadOnlyList<FileEntry>? Inner);
