using System.CommandLine;
using System.CommandLine.Completions;
using System.Text.RegularExpressions;
using Lorikeet.Cli.Shell;

namespace Lorikeet.Cli.Verbs;

/// <summary>Prints a script by which a shell completes commands, options and their values.</summary>
internal sealed partial class CompletionsVerb : Verb
{
    private readonly Argument<string> _shell = new("SHELL")
    {
        Description = "bash, zsh, fish or powershell",
        Arity = ArgumentArity.ZeroOrOne,
    };

    // What the scripts call.
    private readonly Option<string?> _line = new("--for")
    {
        Description = "Print what completes this line, which is what the scripts ask.",
        HelpName = "LINE",
    };

    public CompletionsVerb()
        : base("completions", "Print a script that lets your shell complete commands, options and their values.")
    {
        _shell.AcceptOnlyFromAmong([.. CompletionScripts.Shells]);
        Add(_shell);
        Add(_line);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("bash: then open a new shell", "completions bash > ~/.local/share/bash-completion/completions/lorikeet"),
        ("zsh: into a folder of $fpath", "completions zsh > ~/.zfunc/_lorikeet"),
        ("fish", "completions fish > ~/.config/fish/completions/lorikeet.fish"),
        ("PowerShell: from your profile, $PROFILE", "completions powershell > lorikeet.ps1"),
    ];

    public override int Run(Invocation call)
    {
        if (call.Arguments.GetValue(_line) is { } line)
        {
            foreach (var candidate in Complete(call.Arguments.RootCommandResult.Command, line))
                call.Terminal.Out.WriteLine(candidate);
            return 0;
        }

        if (call.Arguments.GetValue(_shell) is not { } shell)
        {
            throw new ConfigurationException(
                $"No shell is named. Name one of {string.Join(", ", CompletionScripts.Shells)}.");
        }

        call.Terminal.Out.Write(CompletionScripts.For(shell));
        return 0;
    }

    /// <summary>What may stand as the last word of a line, the program's name left out.</summary>
    internal static IReadOnlyList<string> Complete(Command root, string line)
    {
        // What is quoted may hold blanks, and the parser counts places without the marks.
        line = Quoted().Replace(line, "_");
        var word = line[(line.LastIndexOf(' ') + 1)..];
        if (word.StartsWith("--", StringComparison.Ordinal) && word.IndexOf('=') is var equals and > 0)
        {
            var option = word[..equals];
            if (word[(equals + 1)..].StartsWith('-'))
                return []; // no option can be a value
            return [.. Complete(root, $"{line[..^word.Length]}{option} {word[(equals + 1)..]}")
                .Select(value => $"{option}={value}")];
        }

        line = string.Join(' ', Context(line[..^word.Length].Split(' ', StringSplitOptions.RemoveEmptyEntries), word)
            .Append(word));
        var labels = root.Parse(line).GetCompletions(line.Length)
            .Select(item => item.InsertText ?? item.Label)
            .Where(label => label.StartsWith(word, StringComparison.Ordinal)).Distinct().ToHashSet();
        // An option has its name with - and with _; one is enough, unless the other was begun.
        return
        [
            .. labels.Where(label => label.LastIndexOf('-') < 2 || word.LastIndexOf('-') > 1
                || !labels.Contains("--" + label.TrimStart('-').Replace('-', '_'))).Order(StringComparer.Ordinal),
        ];
    }

    // After an option that has its value the parser offers values of it, and nothing else.
    private static IEnumerable<string> Context(string[] before, string word) => (before, word) switch
    {
        ([var verb, ..], ['-', ..]) => [verb],
        ([var verb, .., ['-', '-', ..] option], _) => [verb, option],
        _ => before,
    };

    [GeneratedRegex(@"""[^""]*""|'[^']*'|\\.")]
    private static partial Regex Quoted();
}
