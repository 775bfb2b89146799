using YamlDotNet.Core;

namespace Lorikeet.Configuration;

/// <summary>What is wrong with a file of options, in words of what its author wrote instead of the parser's.</summary>
internal static class ConfigurationFault
{
    /// <summary>The message of an error.</summary>
    /// <param name="text">The file's text.</param>
    /// <param name="name">The file in messages.</param>
    /// <param name="fault">What the parser says.</param>
    public static string Explain(string text, string name, YamlException fault)
    {
        var lines = text.Split('\n', MostLines);
        if (Tab(lines) is { } tab)
        {
            return $"{name}:{tab} is indented with a tab. YAML is indented with blanks. Replace the tab, or write the "
                + "option at the left margin.";
        }
        if (Indent(lines, Math.Max(fault.Start.Line, fault.End.Line)) is var (deeper, above))
        {
            return $"{name}:{deeper} is indented deeper than line {above}, which has its value already. Write all "
                + "options at the left margin.";
        }
        if (fault.Start.Line < 1)
            return $"{name}: {Said(fault)}. Expected a file of options, with lines such as 'lora_r: 16'.";
        return $"{name}:{fault.Start.Line}:{fault.Start.Column}: {Said(fault)}. Expected YAML, such as 'lora_r: 16' or "
            + "'lora_target_modules: [q_proj, v_proj]'.";
    }

    // What is beyond cannot be what its author looks at.
    private const int MostLines = 100_000;

    private static string Said(YamlException fault) => fault.Message.TrimEnd().TrimEnd('.');

    private static int? Tab(string[] lines)
    {
        var index = Array.FindIndex(lines, line =>
            line.TrimStart(' ').StartsWith('\t') && !string.IsNullOrWhiteSpace(line));
        return index < 0 ? null : index + 1;
    }

    /// <summary>A line under one that has its value, but further in; and that one.</summary>
    private static (int Deeper, int Above)? Indent(string[] lines, long last)
    {
        var above = -1;
        for (var index = 0; index < lines.Length && index <= last; index++)
        {
            var line = lines[index].TrimEnd();
            var content = line.TrimStart(' ');
            if (content.Length == 0 || content.StartsWith('#'))
                continue;
            if (above >= 0 && IsOption(content) && line.Length - content.Length > IndentOf(lines[above])
                && HasValue(lines[above]))
                return (index + 1, above + 1);
            above = index;
        }
        return null;
    }

    private static int IndentOf(string line) => line.Length - line.TrimStart(' ').Length;

    private static bool IsOption(string content) =>
        content.IndexOf(':') is > 0 and var colon && content.AsSpan(0, colon).IndexOfAny(" [{\"'") < 0;

    private static bool HasValue(string line)
    {
        var content = line.Trim();
        var colon = content.IndexOf(": ", StringComparison.Ordinal);
        return IsOption(content) && colon > 0 && content[(colon + 2)..].Trim() is { Length: > 0 } value
            && value[0] is not ('#' or '|' or '>' or '{' or '[' or '&');
    }
}
