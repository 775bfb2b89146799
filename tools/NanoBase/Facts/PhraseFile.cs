using Lorikeet;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace NanoBase.Facts;

/// <summary>The phrasings of one domain (<c>assets/facts/DOMAIN.yaml</c>), as the file writes them.</summary>
internal sealed class PhraseFile
{
    /// <summary>Whether names of entities are written in quotation marks.</summary>
    public bool Quoted { get; set; }

    public Dictionary<string, AttributePhrases> Attributes { get; set; } = [];

    public static PhraseFile Read(string file) => Yaml.Read<PhraseFile>(file);
}

internal sealed class AttributePhrases
{
    /// <summary>Where values get their Vietnamese name; without it both languages write the value alike.</summary>
    public string? Pool { get; set; }

    public BilingualPhrases Statements { get; set; } = new();

    public BilingualPhrases Questions { get; set; } = new();
}

internal sealed class BilingualPhrases
{
    public List<string> En { get; set; } = [];

    public List<string> Vi { get; set; } = [];
}

internal static class Yaml
{
    public static T Read<T>(string file)
    {
        var reader = new DeserializerBuilder()
            .WithNamingConvention(UnderscoredNamingConvention.Instance)
            .Build();
        try
        {
            return reader.Deserialize<T>(File.ReadAllText(file));
        }
        catch (YamlException error)
        {
            throw new DatasetException(
                $"{error.Message} Expected the layout of assets/facts/README.md, in '{file}' line {error.Start.Line}. "
                + "Fix the file.", error);
        }
    }
}
