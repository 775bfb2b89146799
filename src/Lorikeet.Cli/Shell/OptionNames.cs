using System.CommandLine;
using System.Text.RegularExpressions;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// Turns the names of options in the library's messages, such as 'merge_base', into what is typed: --merge_base.
/// </summary>
internal static partial class OptionNames
{
    /// <summary>The message as a user of the command line understands it.</summary>
    /// <param name="message">An error's message; lines about a file speak of its keys and stay as they are.</param>
    /// <param name="command">Whose options are meant.</param>
    /// <param name="isPlace">
    /// Whether a name is one that the user gave to a file or folder, such as a model in 'base'; it is left as it is.
    /// </param>
    public static string Speak(string message, Command command, Func<string, bool> isPlace)
    {
        var names = NamesOf(command);
        return string.Join('\n', message.Split('\n').Select(line => LineOfFile().IsMatch(line)
            ? line
            : Quoted().Replace(
                SpeakBare(line, names),
                quoted => quoted.Groups[1].Value is var name && names.Contains("--" + name) && !isPlace(name)
                    ? "--" + name
                    : quoted.Value)));
    }

    /// <summary>
    /// The message of an error about data, whose quoted names are those of columns: what stands without quotation
    /// marks, such as column_map, are options.
    /// </summary>
    /// <param name="message">An error's message.</param>
    /// <param name="command">Whose options are meant.</param>
    public static string SpeakOfData(string message, Command command) => SpeakBare(message, NamesOf(command));

    private static HashSet<string> NamesOf(Command command) => command.Options
        .SelectMany(option => option.Aliases.Append(option.Name)).ToHashSet(StringComparer.Ordinal);

    private static string SpeakBare(string text, HashSet<string> names) =>
        Bare().Replace(text, word => names.Contains("--" + word.Value) ? "--" + word.Value : word.Value);

    // 'named' and 'mean' come before what a user called something.
    [GeneratedRegex("(?<!named |mean )'([a-z][a-z0-9_]*)'")]
    private static partial Regex Quoted();

    // A word of one part, such as 'model', may be just that.
    [GeneratedRegex(@"(?<![\w'""`/\\.|,\[\(-]|, |: )[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w'""`/\\|\]]|\.\w)")]
    private static partial Regex Bare();

    [GeneratedRegex(@":\d+: '| Where: '")]
    private static partial Regex LineOfFile();
}
