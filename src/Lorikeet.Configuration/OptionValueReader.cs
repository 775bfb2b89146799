using System.Collections;
using System.Globalization;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Lora;

namespace Lorikeet.Configuration;

/// <summary>Turns what was written into the type of an option, or says what was expected.</summary>
internal static class OptionValueReader
{
    /// <summary>Reads <paramref name="raw"/>; <paramref name="expected"/> is null when it worked.</summary>
    public static object? Read(OptionDefinition option, RawValue raw, out string? expected)
    {
        expected = null;
        if (IsUnset(option, raw))
            return Empty(option);
        if (option.ValueType == typeof(TargetModules))
            return ReadModules(raw, out expected);
        if (option.IsList)
            return ReadList(option, raw, out expected);
        if (option.IsMapping)
            return ReadMapping(option, raw, out expected);
        if (raw is RawValue.Scalar { Text: { } text })
            return ReadElement(option, option.Bare is { } bare && IsTrue(text) ? bare : text, out expected);
        expected = raw is RawValue.Scalar ? "a value" : "one value";
        return null;
    }

    /// <summary>Whether a text says yes, as YAML 1.1 and Python users write it.</summary>
    public static bool IsTrue(string text) => text.ToLowerInvariant() is "true" or "yes" or "on" or "1";

    /// <summary>Whether a text says no.</summary>
    public static bool IsFalse(string text) => text.ToLowerInvariant() is "false" or "no" or "off" or "0";

    /// <summary>Reads a number as Python, YAML or JSON write it: 1e-5, 1_000, .5.</summary>
    public static double? ReadNumber(string text)
    {
        var digits = text.Replace("_", "", StringComparison.Ordinal);
        var isNumber = double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var number);
        return isNumber ? number : null;
    }

    private static bool IsUnset(OptionDefinition option, RawValue raw) => raw switch
    {
        RawValue.Scalar { Text: null } => option.IsOptional || option.TakesSeveral,
        RawValue.Scalar { Text: var text } when text.Equals(option.Unset, StringComparison.OrdinalIgnoreCase) => true,
        RawValue.Scalar { Text: "" } => option.TakesSeveral,
        RawValue.Scalar { Text: var text } =>
            option.IsOptional && text.ToLowerInvariant() is "null" or "none" && !option.Choices.Contains("none"),
        _ => false,
    };

    private static object? Empty(OptionDefinition option) =>
        option.IsOptional ? null
        : option.IsList ? Array.CreateInstance(option.ElementType, 0)
        : option.IsMapping ? NewDictionary(option)
        : option.Default;

    private static TargetModules? ReadModules(RawValue raw, out string? expected)
    {
        expected = null;
        switch (raw)
        {
            case RawValue.Scalar { Text: { } text }:
                return TargetModules.Parse(text);
            case RawValue.Sequence { Items: [var single] }:
                return TargetModules.Parse(single);
            case RawValue.Sequence { Items: { Count: > 0 } names }:
                return TargetModules.Named(names);
            default:
                expected = "module names, a regular expression, or all-linear";
                return null;
        }
    }

    private static Array? ReadList(OptionDefinition option, RawValue raw, out string? expected)
    {
        expected = null;
        if (raw is RawValue.Mapping)
        {
            expected = "a list";
            return null;
        }

        var texts = raw is RawValue.Sequence sequence ? sequence.Items : [((RawValue.Scalar)raw).Text ?? ""];
        if (option.SplitsAtCommas && raw is not RawValue.Sequence { AreWhole: true })
            texts = [.. texts.SelectMany(text => ListText.Split(text, option.NamesFiles))];
        var list = Array.CreateInstance(option.ElementType, texts.Count);
        for (var i = 0; i < texts.Count && expected is null; i++)
            list.SetValue(ReadElement(option, texts[i], out expected), i);
        return expected is null ? list : null;
    }

    private static IDictionary? ReadMapping(OptionDefinition option, RawValue raw, out string? expected)
    {
        var entries = Entries(raw);
        expected = entries is null ? "names with values, such as name=value" : null;
        var dictionary = NewDictionary(option);
        foreach (var (name, text) in entries ?? [])
        {
            var value = ReadElement(option, text, out expected);
            if (expected is not null)
                return null;
            dictionary[name] = value;
        }

        return dictionary;
    }

    /// <summary>A mapping, JSON in one text, or name=value pairs separated by commas or given one by one.</summary>
    private static IReadOnlyList<KeyValuePair<string, string>>? Entries(RawValue raw)
    {
        if (raw is RawValue.Mapping mapping)
            return mapping.Entries;
        var texts = raw is RawValue.Sequence sequence ? sequence.Items : [((RawValue.Scalar)raw).Text ?? ""];
        if (texts is [['{', ..] json])
            return ConfigurationFile.ReadInline(json);
        var pairs = texts.SelectMany(AtCommas)
            .Select(pair => pair.Split('=', 2, StringSplitOptions.TrimEntries))
            .ToList();
        return pairs.All(pair => pair.Length == 2)
            ? [.. pairs.Select(pair => KeyValuePair.Create(pair[0], pair[1]))]
            : null;
    }

    private static string[] AtCommas(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static object? ReadElement(OptionDefinition option, string text, out string? expected)
    {
        var type = option.ElementType;
        object? value = type switch
        {
            _ when type == typeof(string) => text,
            _ when type == typeof(bool) => IsTrue(text) ? true : IsFalse(text) ? false : null,
            _ when type.IsEnum => WireNames.Find(type, text),
            _ => ReadNumber(text) is { } number && option.Allows(number) ? Convert(number, type) : null,
        };
        expected = value is null ? Describe(option) : null;
        return value;
    }

    /// <summary>The number in the option's type, or null when that type cannot hold it.</summary>
    private static object? Convert(double number, Type type)
    {
        if (type == typeof(double))
            return number;
        if (number != Math.Floor(number) || Math.Abs(number) > 1L << 53)
            return null;
        if (type == typeof(long))
            return (long)number;
        return number is >= int.MinValue and <= int.MaxValue ? (int)number : null;
    }

    /// <summary>What may be written for one element of an option.</summary>
    public static string Describe(OptionDefinition option)
    {
        if (option.Choices is { Count: > 0 } choices)
            return choices.Count == 1 ? choices[0] : $"{string.Join(", ", choices.SkipLast(1))} or {choices[^1]}";
        if (option.ElementType == typeof(bool))
            return "true or false";
        var number = option.ElementType == typeof(double) ? "a number" : "a whole number";
        return option.Range.Length > 0 ? $"{number} {option.Range}" : number;
    }

    private static IDictionary NewDictionary(OptionDefinition option) =>
        (IDictionary)Activator.CreateInstance(
            typeof(Dictionary<,>).MakeGenericType(typeof(string), option.ElementType))!;
}
