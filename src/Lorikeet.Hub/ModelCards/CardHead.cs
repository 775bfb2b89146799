using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lorikeet.Hub.ModelCards;

/// <summary>The YAML at the head of a card, which the hub indexes.</summary>
internal sealed partial class CardHead
{
    private const string Fence = "---";

    private readonly YamlMappingNode _root;

    private CardHead(YamlMappingNode root) => _root = root;

    /// <summary>Reads the head of a card; an empty one when it has none.</summary>
    /// <param name="card">The whole card.</param>
    /// <param name="body">What follows the head.</param>
    public static CardHead Read(string card, out string body)
    {
        var lines = card.ReplaceLineEndings("\n").Split('\n');
        var end = lines[0].TrimEnd() == Fence ? Array.FindIndex(lines, 1, line => line.TrimEnd() == Fence) : -1;
        body = end < 0 ? card : string.Join('\n', lines[(end + 1)..]);
        if (end < 0)
            return new CardHead(new YamlMappingNode());
        try
        {
            var yaml = new YamlStream();
            yaml.Load(new StringReader(string.Join('\n', lines[1..end])));
            return new CardHead(
                yaml.Documents is [{ RootNode: YamlMappingNode root }] ? root : new YamlMappingNode());
        }
        catch (YamlException fault)
        {
            throw new CheckpointException(
                $"The head of the model card is not YAML: {fault.Message} (line {fault.Start.Line + 1} of " +
                "README.md). Correct it, or delete the file to have a new one written.",
                fault);
        }
    }

    /// <summary>Sets what the card knows for certain, and adds to the lists.</summary>
    public void Describe(ModelCard card)
    {
        var isAdapter = card.Subject == CardSubject.Adapter;
        Set("base_model", card.BaseModel);
        Set("library_name", isAdapter ? "peft" : "transformers");
        Set("pipeline_tag", "text-generation");
        Add("tags", [
            $"base_model:{(isAdapter ? "adapter" : "finetune")}:{card.BaseModel}",
            .. isAdapter ? (string[])["lora"] : [], "lorikeet", .. card.Tags,
        ]);
        Add("datasets", card.Datasets.Where(Repository.IsId));
        Add("language", card.Languages);
        if (card.License is not null && Find("license") is null)
            Set("license", card.License);
    }

    public string ToYaml()
    {
        using var text = new StringWriter { NewLine = "\n" };
        new YamlStream(new YamlDocument(_root)).Save(text, assignAnchors: false);
        return text.ToString().Replace("...\n", "");
    }

    private void Set(string key, string value) => _root.Children[new YamlScalarNode(key)] = Scalar(value);

    private void Add(string key, IEnumerable<string> values)
    {
        var known = Find(key) switch
        {
            YamlSequenceNode list => list.Children.OfType<YamlScalarNode>().Select(item => item.Value!).ToList(),
            YamlScalarNode { Value: { Length: > 0 } one } => [one],
            _ => [],
        };
        var all = known.Union(values).ToList();
        if (all.Count > 0)
            _root.Children[new YamlScalarNode(key)] = new YamlSequenceNode(all.Select(Scalar));
    }

    private YamlNode? Find(string key) =>
        _root.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value : null;

    // Norwegian is 'no', and to a YAML 1.1 reader that is false.
    private static YamlScalarNode Scalar(string value) => new(value)
    {
        Style = ReadAsOtherThanText().IsMatch(value) ? ScalarStyle.SingleQuoted : ScalarStyle.Any,
    };

    [GeneratedRegex(@"^(y|n|yes|no|on|off|true|false|null|~|[-+.\d].*)$", RegexOptions.IgnoreCase)]
    private static partial Regex ReadAsOtherThanText();
}
