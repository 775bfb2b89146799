using System.Collections.Concurrent;
using System.Reflection;
using Lorikeet.Formats.Options;

namespace Lorikeet.Configuration;

/// <summary>The documentation comments of option properties, which the build writes into their assembly.</summary>
/// <remarks>So the help, the schema and an editor's tooltips say the same words.</remarks>
internal static class OptionDocumentation
{
    private static readonly ConcurrentDictionary<Assembly, Dictionary<string, OptionTextAttribute>> s_texts = new();

    /// <summary>Summary and value of a property.</summary>
    /// <exception cref="InvalidOperationException">Its project does not name the generator of option texts.</exception>
    public static (string Summary, string Value) Of(PropertyInfo property)
    {
        var texts = s_texts.GetOrAdd(property.DeclaringType!.Assembly, Read);
        var name = $"{property.DeclaringType.FullName!.Replace('+', '.')}.{property.Name}";
        return texts.TryGetValue(name, out var text) ? (text.Summary, text.Value) : throw new InvalidOperationException(
            $"The option {name} has no text in its assembly. Its project must name tools/OptionTexts as an analyzer.");
    }

    private static Dictionary<string, OptionTextAttribute> Read(Assembly assembly) =>
        assembly.GetCustomAttributes<OptionTextAttribute>().ToDictionary(text => text.Property);
}
