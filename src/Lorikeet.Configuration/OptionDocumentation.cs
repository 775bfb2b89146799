using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Lorikeet.Configuration;

/// <summary>The documentation comments of option properties, read from the XML file beside the assembly.</summary>
/// <remarks>So the help, the schema and an editor's tooltips say the same words.</remarks>
internal static partial class OptionDocumentation
{
    private static readonly Dictionary<Assembly, IReadOnlyDictionary<string, XElement>> s_files = [];
    private static readonly Lock s_gate = new();

    /// <summary>Summary and value of a property; empty when the file is not there.</summary>
    public static (string Summary, string Value) Of(PropertyInfo property)
    {
        var id = $"P:{property.DeclaringType!.FullName}.{property.Name}";
        return Members(property.DeclaringType.Assembly).TryGetValue(id, out var member)
            ? (Text(member.Element("summary")), Text(member.Element("value")))
            : ("", "");
    }

    private static IReadOnlyDictionary<string, XElement> Members(Assembly assembly)
    {
        lock (s_gate)
        {
            if (!s_files.TryGetValue(assembly, out var members))
                s_files[assembly] = members = Read(assembly);
            return members;
        }
    }

    private static IReadOnlyDictionary<string, XElement> Read(Assembly assembly)
    {
        var path = Path.ChangeExtension(assembly.Location, ".xml");
        if (!File.Exists(path))
            return new Dictionary<string, XElement>();
        try
        {
            return XDocument.Load(path).Descendants("member")
                .Where(member => member.Attribute("name") is not null)
                .ToDictionary(member => member.Attribute("name")!.Value);
        }
        catch (XmlException)
        {
            return new Dictionary<string, XElement>();
        }
    }

    private static string Text(XElement? element) =>
        element is null ? "" : Spaces().Replace(element.Value, " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
