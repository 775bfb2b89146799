using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Lora;

namespace Lorikeet.Configuration;

/// <summary>Writes an option's value as YAML on one line, which <see cref="OptionValueReader"/> reads back.</summary>
internal static partial class OptionValueWriter
{
    /// <summary>The value as a YAML scalar or flow collection.</summary>
    public static string ToYaml(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        Enum member => WireNames.Of(member),
        double number => Number(number),
        string text => Quote(text),
        TargetModules { Names: { } names } => ToYaml(names),
        TargetModules modules => Quote(modules.ToString()),
        IDictionary map => "{" + string.Join(", ", Entries(map)) + "}",
        IEnumerable list => "[" + string.Join(", ", list.Cast<object?>().Select(ToYaml)) + "]",
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => Quote(value.ToString() ?? ""),
    };

    /// <summary>The shortest text that reads back as the same number, with the exponent as Python writes it.</summary>
    private static string Number(double number) =>
        number.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant();

    private static IEnumerable<string> Entries(IDictionary map)
    {
        foreach (DictionaryEntry entry in map)
            yield return $"{Quote((string)entry.Key)}: {ToYaml(entry.Value)}";
    }

    /// <summary>Quotes text that YAML would read as something else.</summary>
    private static string Quote(string text) =>
        Plain().IsMatch(text) && !Special().IsMatch(text) && OptionValueReader.ReadNumber(text) is null
            ? text
            : JsonSerializer.Serialize(text, JsonFormats.Line);

    [GeneratedRegex(@"^[\p{L}\p{N}_./][\p{L}\p{N}_./+@-]*$")]
    private static partial Regex Plain();

    [GeneratedRegex("^(null|none|true|false|yes|no|on|off)$", RegexOptions.IgnoreCase)]
    private static partial Regex Special();
}
