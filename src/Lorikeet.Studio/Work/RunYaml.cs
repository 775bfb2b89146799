using Lorikeet.Configuration;

namespace Lorikeet.Studio.Work;

/// <summary>The options of a run that are not the defaults, as run.yaml and as a command.</summary>
internal static class RunYaml
{
    /// <summary>A line an option.</summary>
    public static string Of(ResolvedOptions options) => string.Concat(
        Changed(options).Select(option => $"{option.Name}: {option.TextIn(options.Options)}\n"));

    /// <summary>The options for which somebody chose another value than the default.</summary>
    public static IEnumerable<OptionDefinition> Changed(ResolvedOptions options) =>
        OptionCatalog.Training.Options.Where(option => options.OriginOf(option.Name).IsExplicit
            && option.TextIn(options.Options) != option.DefaultText);

    /// <summary>The command that does the same.</summary>
    /// <param name="program">How it begins.</param>
    /// <param name="settings">Names and what was typed for them.</param>
    public static string Command(string program, IEnumerable<KeyValuePair<string, string>> settings) =>
        string.Join(
            " \\\n  ", settings.Select(setting => Argument(setting.Key, setting.Value)).Prepend($"{program} train"));

    private static string Argument(string name, string value)
    {
        var option = OptionCatalog.Training.Find(name);
        return option is { IsFlag: true } && value == "true" ? $"--{name}" : $"--{name} {Quoted(value)}";
    }

    // Single quotes keep every character on Unix shells; cmd and PowerShell both read double quotes.
    private static string Quoted(string text)
    {
        if (text.Length > 0 && text.All(letter => char.IsLetterOrDigit(letter) || "._-/:=,+@".Contains(letter)))
            return text;
        return OperatingSystem.IsWindows() ? $"\"{text.Replace("\"", "'")}\"" : $"'{text.Replace("'", @"'\''")}'";
    }
}
