using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Shell;

/// <summary>What is wrong with the arguments, and the command whose usage helps.</summary>
internal sealed record UsageProblem(string Message, Command Command);

/// <summary>Says what is wrong with arguments, in words that name them and suggest what was meant.</summary>
internal static partial class ArgumentCheck
{
    private const string OpeningQuotes = "“”„‘’«";
    private const string ClosingQuotes = "“”‘’»";

    /// <summary>
    /// Verbs and options that do not exist. Looked for before parsing, because the parser would take an unknown option
    /// for the value of the one before it.
    /// </summary>
    public static UsageProblem? FindProblem(RootCommand root, IReadOnlyList<string> arguments)
    {
        var verbName = arguments.FirstOrDefault(argument => !argument.StartsWith('-'));
        var verb = root.Subcommands.FirstOrDefault(command => command.Name == verbName);
        if (verbName is not null && verb is null)
            return UnknownVerb(root, verbName);

        Command command = verb is null ? root : verb;
        var known = command.Options.Concat(root.Options.Where(option => option.Recursive))
            .SelectMany(option => option.Aliases.Append(option.Name).Select(name => (Name: name, Option: option)))
            .DistinctBy(pair => pair.Name)
            .ToDictionary(pair => pair.Name, pair => pair.Option);
        var given = new Dictionary<Option, string>();
        var (takesValue, before) = (false, "");
        foreach (var argument in arguments.TakeWhile(argument => argument != "--"))
        {
            var problem = LongOption().IsMatch(argument)
                ? FindProblem(command, known, given, argument) ?? FindMissing(command, known, before)
                : FindOpenQuote(command, argument)
                    ?? (takesValue ? null : FindProblem(command, known, before, argument));
            if (problem is not null)
                return problem;
            takesValue = known.TryGetValue(argument, out var option) && option.ValueType != typeof(bool);
            before = argument;
        }

        return null;
    }

    /// <summary>Of an argument that is an option by its look.</summary>
    private static UsageProblem? FindProblem(
        Command command, Dictionary<string, Option> known, Dictionary<Option, string> given, string argument)
    {
        var parts = argument.Split(['=', ':'], 2);
        if (!known.TryGetValue(parts[0], out var option))
            return UnknownOption(command, parts[0]);
        if (option.ValueType == typeof(bool) && parts.Length == 2 && !bool.TryParse(parts[1], out _))
            return new UsageProblem($"{parts[0]} is '{parts[1]}'. Expected true or false.", command);
        if (!given.TryAdd(option, parts[0]) && !option.AllowMultipleArgumentsPerToken)
        {
            return new UsageProblem(given[option] == parts[0]
                ? $"'{parts[0]}' is given twice. Give it once."
                : $"'{given[option]}' and '{parts[0]}' are names of one option. Give one of them.", command);
        }

        return null;
    }

    /// <summary>Of what an option follows: the parser would take the option's name for a value.</summary>
    private static UsageProblem? FindMissing(Command command, Dictionary<string, Option> known, string before) =>
        known.TryGetValue(before, out var option) && option is { Arity.MinimumNumberOfValues: > 0 }
            && option.ValueType != typeof(bool)
            ? new UsageProblem(HasNoValue(before, option), command)
            : null;

    private static string HasNoValue(string name, Option option) =>
        $"{name} has no value. Expected {option.HelpName ?? "one"}.";

    /// <summary>Of an argument that is neither an option nor the value of one.</summary>
    private static UsageProblem? FindProblem(
        Command command, Dictionary<string, Option> known, string before, string argument)
    {
        if (argument.StartsWith('–') || argument.StartsWith('—'))
        {
            return new UsageProblem(
                $"'{argument}' begins with a dash of a word processor. Write two plain ones: " +
                $"--{argument.TrimStart('–', '—', '-')}.", command);
        }

        if (known.TryGetValue(before, out var flag) && flag.ValueType == typeof(bool) && IsAlmostBoolean(argument)
            && !Path.Exists(argument))
            return new UsageProblem($"{before} is '{argument}'. Expected true or false (or nothing).", command);
        if (!ShortOption().IsMatch(argument) || known.ContainsKey(argument))
            return null;
        var name = "--" + argument[1..].Split('=')[0];
        var hint = known.TryGetValue(name, out var meant) ? $" Did you mean '{meant.Name}'?" : Nearest(command, name);
        return new UsageProblem($"'{argument}' is not an option. Options begin with two dashes.{hint}", command);
    }

    /// <summary>A quotation mark that the shell took for a letter: it tore the text apart at its blanks.</summary>
    private static UsageProblem? FindOpenQuote(Command command, string argument)
    {
        var isOpen = argument is [var first, ..] && OpeningQuotes.Contains(first) && !argument.Any(char.IsWhiteSpace)
            && (argument.Length == 1 || !ClosingQuotes.Contains(argument[^1]));
        return isOpen
            ? new UsageProblem(
                $"'{argument}' begins with a quotation mark of a word processor, which the shell takes for a letter. "
                + "Write plain ones: \" or '.", command)
            : null;
    }

    private static bool IsAlmostBoolean(string text) =>
        text.ToLowerInvariant() is "yes" or "no" or "on" or "off" or "y" or "n" or "t" or "f" or "1" or "0";

    /// <summary>What the parser found.</summary>
    public static UsageProblem? FindProblem(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.Errors.Count == 0)
            return null;
        var error = parsed.Errors[0];
        var message = error.SymbolResult switch
        {
            OptionResult option => Complain(option),
            ArgumentResult { Parent: OptionResult option } => Complain(option),
            ArgumentResult { Argument: var argument } result when parsed.UnmatchedTokens.Count == 0 =>
                Complain(argument, result),
            _ when parsed.UnmatchedTokens.Count > 0 => $"'{parsed.UnmatchedTokens[0]}' is one argument too many.",
            _ => error.Message,
        };
        return new UsageProblem(message, command);
    }

    private static string Complain(Argument argument, ArgumentResult result) => result.Tokens.Count == 0
        ? $"{argument.Name} is missing. Expected {argument.Description}"
        : $"{argument.Name} is '{string.Join(" ", result.Tokens.Select(token => token.Value))}'. Expected " +
            $"{argument.Description}";

    private static string Complain(OptionResult result)
    {
        var name = result.IdentifierToken?.Value ?? result.Option.Name;
        if (result.Tokens.Count == 0)
            return HasNoValue(name, result.Option);
        var texts = string.Join(" ", result.Tokens.Select(token => token.Value));
        var type = Nullable.GetUnderlyingType(result.Option.ValueType) ?? result.Option.ValueType;
        var expected =
            type == typeof(int) || type == typeof(long) || type == typeof(ulong) ? "a whole number"
            : type == typeof(double) ? "a number"
            : "one value";
        return $"{name} is '{texts}'. Expected {expected}.";
    }

    private static UsageProblem UnknownVerb(RootCommand root, string name)
    {
        var names = root.Subcommands.Select(command => command.Name).ToList();
        var hint = NearestName.Among(names, name) is { } nearest
            ? $"Did you mean '{nearest}'?"
            : $"Expected one of {string.Join(", ", names)}.";
        return new UsageProblem($"'{name}' is not a command. {hint}", root);
    }

    private static UsageProblem UnknownOption(Command command, string name)
    {
        return new UsageProblem(
            $"'{name}' is not an option of '{HelpText.NameOf(command)}'.{Nearest(command, name)}", command);
    }

    private static string Nearest(Command command, string name)
    {
        var candidates = command.Options.SelectMany(option => option.Aliases.Prepend(option.Name))
            .Where(candidate => candidate.StartsWith("--", StringComparison.Ordinal))
            .Select(candidate => candidate[2..]);
        return NearestName.Among(candidates, name[2..]) is { } nearest
            ? $" Did you mean '--{nearest}'?"
            : $" '{HelpText.NameOf(command)} --help' lists all.";
    }

    [GeneratedRegex(@"^-[A-Za-z][\w-]*(=.*)?$", RegexOptions.Singleline)]
    private static partial Regex ShortOption();

    [GeneratedRegex(@"^--[A-Za-z][\w-]*([=:].*)?$", RegexOptions.Singleline)]
    private static partial Regex LongOption();
}
