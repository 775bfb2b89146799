using System.Text.RegularExpressions;
using Lorikeet.Hub.Transport;
using Lorikeet.Hub.Yaml;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lorikeet.Hub.ModelCards;

/// <summary>The YAML at the head of a card, which the hub indexes.</summary>
internal sealed partial class CardHead
{
    private readonly YamlMappingNode _root;

    private CardHead(YamlMappingNode root) => _root = root;

    /// <summary>Reads the head of a card; an empty one when it has none.</summary>
    /// <param name="card">The whole card.</param>
    /// <param name="body">What follows the head.</param>
    public static CardHead Read(string card, out string body)
    {
        (var head, body) = CardText.Divide(card);
        if (head is null)
            return new CardHead(new YamlMappingNode());
        try
        {
            var root = GuardedYaml.ReadMapping(head) ?? new YamlMappingNode();
            RequireTree(root, new HashSet<YamlNode>(ReferenceEqualityComparer.Instance));
            return new CardHead(root);
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
        if (!card.BaseIsLocal)
            Set("base_model", card.BaseModel);
        else
            _root.Children.Remove(new YamlScalarNode("base_model"));
        Set("library_name", isAdapter ? "peft" : "transformers");
        Set("pipeline_tag", "text-generation");
        var tag = card.BaseIsLocal ? null : $"base_model:{(isAdapter ? "adapter" : "finetune")}:{card.BaseModel}";
        Forget("tags", known => known != tag && (known.StartsWith("base_model:adapter:", StringComparison.Ordinal)
            || known.StartsWith("base_model:finetune:", StringComparison.Ordinal)));
        Add("tags", [
            .. tag is null ? (string[])[] : [tag],
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

    // What is referred to again and again is written out each time, and what contains itself without end.
    private static void RequireTree(YamlNode node, HashSet<YamlNode> seen)
    {
        if (node is YamlScalarNode)
            return;
        if (!seen.Add(node))
        {
            throw new YamlException(
                node.Start, node.Start, "a list or mapping is referred to by '*'; write it out where it is needed");
        }
        foreach (var child in node is YamlMappingNode map ? map.Children.Values : ((YamlSequenceNode)node).Children)
            RequireTree(child, seen);
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

    private void Forget(string key, Predicate<string> isStale)
    {
        if (Find(key) is not YamlSequenceNode list)
            return;
        var stale = list.Children.Where(item => item is YamlScalarNode { Value: { } text } && isStale(text)).ToList();
        foreach (var item in stale)
            list.Children.Remove(item);
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
