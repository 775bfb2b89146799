using System.CommandLine;
using System.CommandLine.Help;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Shell;

/// <summary>The help: what a command is for, examples first, then its options in groups.</summary>
internal static class HelpText
{
    private const string Program = "lorikeet";
    private const int TermWidth = 34;

    private static readonly (string Title, string[] Verbs)[] s_groups =
    [
        ("Start here", ["quickstart", "studio", "init", "recipes", "doctor"]),
        ("Train", ["plan", "train", "runs", "options", "config"]),
        ("Ask and measure", ["generate", "chat", "serve", "eval", "score"]),
        ("Pass on", ["merge", "export", "quantize", "push"]),
        ("This machine", ["pull", "models", "completions"]),
        ("Look closer", ["data", "tokenize", "render", "verify", "verify-resume", "bench"]),
    ];

    /// <summary>Whether --help, -h or -? was given.</summary>
    public static bool IsAskedFor(ParseResult parsed) =>
        parsed.RootCommandResult.Command.Options.OfType<HelpOption>()
            .Any(option => parsed.GetResult(option) is { Implicit: false });

    /// <summary>The command as typed: "lorikeet train".</summary>
    public static string NameOf(Command command) => command is RootCommand ? Program : $"{Program} {command.Name}";

    /// <summary>One line of usage.</summary>
    public static string UsageOf(Command command)
    {
        if (command is RootCommand)
            return $"{Program} COMMAND [options]";
        var arguments = command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues == 0
            ? $" [{argument.HelpName ?? argument.Name}]"
            : $" {argument.HelpName ?? argument.Name}");
        return $"{NameOf(command)}{string.Concat(arguments)} [options]";
    }

    /// <summary>Writes the help of a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="output">Where to.</param>
    /// <param name="width">Columns of a line.</param>
    /// <param name="everything">Whether all options are listed where a few do most of the work.</param>
    public static void Write(Command command, TextWriter output, int width, bool everything = false)
    {
        var page = new Page(output, width);
        if (command is Verb verb)
            WriteVerb(verb, page, everything);
        else
            WriteRoot((RootCommand)command, page);
    }

    private static void WriteRoot(RootCommand root, Page page)
    {
        page.Paragraph($"Lorikeet {ProgramVersion.Text}. {root.Description}");
        page.Heading($"Usage: {UsageOf(root)}");
        foreach (var (title, verbs) in s_groups)
        {
            page.Heading(title);
            foreach (var name in verbs)
                page.Term(name, root.Subcommands.Single(command => command.Name == name).Description ?? "",
                    termWidth: 14);
        }

        page.Blank();
        page.Paragraph(
            $"'{Program} COMMAND --help' says more about a command. '{Program} --version' prints the version.");
        page.Paragraph(
            "Exit codes: 0 done, 1 failed, 2 wrong usage, options or input, 3 wrong environment, 130 ended by Ctrl+C, "
            + "143 ended by SIGTERM.");
    }

    private static void WriteVerb(Verb verb, Page page, bool everything)
    {
        page.Paragraph(verb.Description ?? "");
        page.Heading($"Usage: {UsageOf(verb)}");
        page.Heading("Examples");
        foreach (var (what, command) in verb.Examples)
        {
            page.Line($"  # {what}");
            page.Line($"  {Program} {command}");
        }

        if (verb.Arguments.Count > 0)
            page.Heading("Arguments");
        foreach (var argument in verb.Arguments)
            page.Term(argument.HelpName ?? argument.Name, argument.Description ?? "", TermWidth);
        if (verb is CatalogVerb { Catalog.Catalog: var catalog })
            WriteCatalog(verb, catalog, page, everything);
        WriteOptions(verb, page);
    }

    private static void WriteCatalog(Verb verb, OptionCatalog catalog, Page page, bool everything)
    {
        if (verb.Essentials.Count > 0 && !everything)
        {
            page.Heading("Options that most runs need");
            foreach (var name in verb.Essentials)
                WriteOption(verb, catalog.Find(name)!, page);
            page.Blank();
            page.Paragraph(
                $"'{NameOf(verb)} --help --all' lists all {catalog.Options.Count}; '{Program} options NAME' " +
                "explains one.");
            return;
        }

        if (catalog.Groups.Count < 2)
        {
            page.Heading("Options");
            foreach (var option in catalog.Options)
                WriteOption(verb, option, page);
            return;
        }

        foreach (var group in catalog.Groups)
        {
            page.Heading($"{group.Title}: {group.Summary}");
            foreach (var option in catalog.Options.Where(option => option.Group == group.Name))
                WriteOption(verb, option, page);
        }
    }

    private static void WriteOption(Verb verb, OptionDefinition option, Page page)
    {
        var choices = option.Choices.Count > 0 ? $" One of {string.Join(", ", option.Choices)}." : "";
        var text = verb.DefaultOf(option).Trim('[', ']', '{', '}', '"');
        var value = text is "" or "null" or "false" ? "" : $" [{text}]";
        var placeholder = option.IsFlag ? "" : option.Choices.Count > 0 ? " NAME" : " " + option.Placeholder;
        page.Term($"--{option.Name}{placeholder}", option.Help + choices + value, TermWidth);
    }

    private static void WriteOptions(Verb verb, Page page)
    {
        var fromCatalog = (verb as CatalogVerb)?.Catalog.Symbols.ToHashSet() ?? [];
        page.Heading(verb is CatalogVerb ? "Other options" : "Options");
        foreach (var option in verb.Options.Where(option => !option.Hidden && !fromCatalog.Contains(option)))
            page.Term(Names(option), option.Description ?? "", TermWidth);
        page.Term(SharedOptions.Verbose.Name, SharedOptions.Verbose.Description!, TermWidth);
    }

    private static string Names(Option option)
    {
        var shortNames = option.Aliases.Where(alias => !alias.StartsWith("--", StringComparison.Ordinal));
        var names = string.Join(", ", shortNames.Append(option.Name));
        return option.ValueType == typeof(bool) ? names : $"{names} {option.HelpName ?? "VALUE"}";
    }
}
