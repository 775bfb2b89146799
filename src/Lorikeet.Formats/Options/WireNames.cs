using System.Reflection;
using System.Text.Json;

namespace Lorikeet.Formats.Options;

/// <summary>The names of enum members in options and files: <see cref="WireNameAttribute"/>, else snake_case.</summary>
public static class WireNames
{
    /// <summary>Canonical names of the members, in the order they are declared.</summary>
    /// <param name="enumType">The type of the enum.</param>
    public static IReadOnlyList<string> Of(Type enumType) => [.. Members(enumType).Select(member => member.Names[0])];

    /// <summary>The canonical name of one member.</summary>
    /// <param name="value">The member.</param>
    public static string Of(Enum value) =>
        Members(value.GetType()).First(member => member.Value.Equals(value)).Names[0];

    /// <summary>The member with this name, in any letter case; null when there is none.</summary>
    /// <param name="enumType">The type of the enum.</param>
    /// <param name="name">A canonical name or an alias.</param>
    public static object? Find(Type enumType, string name) =>
        Members(enumType).FirstOrDefault(member => member.Names.Contains(name, StringComparer.OrdinalIgnoreCase)).Value;

    private static IEnumerable<(object Value, string[] Names)> Members(Type enumType) =>
        from field in enumType.GetFields(BindingFlags.Public | BindingFlags.Static)
        select (field.GetValue(null)!, NamesOf(field));

    private static string[] NamesOf(FieldInfo field) =>
        field.GetCustomAttribute<WireNameAttribute>() is { } names
            ? [names.Name, .. names.Aliases]
            : [JsonNamingPolicy.SnakeCaseLower.ConvertName(field.Name)];
}
