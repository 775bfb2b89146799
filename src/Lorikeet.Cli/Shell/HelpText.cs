using System.CommandLine;
using System.CommandLine.Help;
using Lorikeet.Options;

namespace Lorikeet.Cli.Shell;

/// <summary>The help: what a command is for, examples first, then its options in groups.</summary>
internal static class HelpText
{
    private const string Program = "lorikeet";
    private const int TermWidth = 34;

    /// <summary>Whether --help, -h or -? was given.</summary>
    public static bool IsAskedFor(ParseResult parsed) =>
        parsed.RootCommandResult.Command.Options.OfType<HelpOption>()
            .Any(option => parsed.GetResult(option) is { Implicit: false });

    /// <summary>The command as typed: "lorikeet train".</summary>
    public static string NameOf(Command command) => command is RootCommand ? Program : $"{Program} {command.Name}";

    /// <summary>One line of usage.</summary>
    public static string UsageOf(Command command)
    {
        if (command is RootCommand) return $"{Program} COMMAND [options]";
        var arguments = command.Arguments.Select(argument => argument.Arity.MinimumNumberOfValues == 0
            ? $" [{argument.HelpName ?? argument.Name}]"
            : $" {argument.HelpName ?? argument.Name}");
        return $"{NameOf(command)}{string.Concat(arguments)} [options]";
    }

    /// <summary>Writes the help of a command.</summary>
    public static void Write(Command command, TextWriter output)
    {
        var page = new Page(output, Width());
        if (command is Verb verb) WriteVerb(verb, page);
        else WriteRoot((RootCommand)command, page);
    }

    /// <summary>Columns of text that fit, and are still easy to read.</summary>
    public static int Width()
    {
        const int readable = 110;
        const int unusable = 60;
        if (Console.IsOutputRedirected || Console.WindowWidth < unusable) return readable;
        return Math.Min(Console.WindowWidth, readable);
    }

    private static void WriteRoot(RootCommand root, Page page)
    {
        page.Paragraph($"Lorikeet {CommandLine.Version}. {root.Description}");
        page.Heading($"Usage: {UsageOf(root)}");
        page.Heading("Commands");
        foreach (var command in root.Subcommands)
            page.Term(command.Name, command.Description ?? "", termWidth: 14);
        page.Blank();
        page.Paragraph(
            $"'{Program} COMMAND --help' says more about a command. '{Program} --version' prints the version.");
    }

    private static void WriteVerb(Verb verb, Page page)
    {
        page.Paragraph(verb.Description ?? "");
        page.Heading($"Usage: {UsageOf(verb)}");
        page.Heading("Examples");
        foreach (var (what, command) in verb.Examples)
        {
            page.Line($"  # {what}");
            page.Line($"  {Program} {command}");
        }

        if (verb.Arguments.Count > 0) page.Heading("Arguments");
        foreach (var argument in verb.Arguments)
            page.Term(argument.HelpName ?? argument.Name, argument.Description ?? "", TermWidth);
        if (verb.Catalog is { } options) WriteCatalog(options.Catalog, page);
        WriteOptions(verb, page);
    }

    private static void WriteCatalog(OptionCatalog catalog, Page page)
    {
        foreach (var group in catalog.Groups)
        {
            page.Heading($"{group.Title}: {group.Summary}");
            foreach (var option in catalog.Options.Where(option => option.Group == group.Name))
                WriteOption(option, page);
        }

        if (catalog.Groups.Count > 0) return;
        page.Heading("Options");
        foreach (var option in catalog.Options) WriteOption(option, page);
    }

    private static void WriteOption(OptionDefinition option, Page page)
    {
        var choices = option.Choices.Count > 0 ? $" One of {string.Join(", ", option.Choices)}." : "";
        var text = option.DefaultText.Trim('[', ']', '{', '}', '"');
        var value = text is "" or "null" or "false" ? "" : $" [{text}]";
        var placeholder = option.IsFlag ? "" : option.Choices.Count > 0 ? " NAME" : " " + option.Placeholder;
        page.Term($"--{option.Name}{placeholder}", option.Help + choices + value, TermWidth);
    }

    private static void WriteOptions(Verb verb, Page page)
    {
        var fromCatalog = verb.Catalog?.Symbols.ToHashSet() ?? [];
        page.Heading(verb.Catalog is null ? "Options" : "Other options");
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
