using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Lorikeet.Options;

namespace Lorikeet.Cli.Shell;

/// <summary>What is wrong with the arguments, and the command whose usage helps.</summary>
internal sealed record UsageProblem(string Message, Command Command);

/// <summary>Says what is wrong with arguments, in words that name them and suggest what was meant.</summary>
internal static partial class ArgumentCheck
{
    /// <summary>
    /// Verbs and options that do not exist. Looked for before parsing, because the parser would take an unknown option
    /// for the value of the one before it.
    /// </summary>
    public static UsageProblem? FindProblem(RootCommand root, IReadOnlyList<string> arguments)
    {
        var verbName = arguments.FirstOrDefault(argument => !argument.StartsWith('-'));
        var verb = root.Subcommands.FirstOrDefault(command => command.Name == verbName);
        if (verbName is not null && verb is null) return UnknownVerb(root, verbName);

        Command command = verb is null ? root : verb;
        var known = command.Options.Concat(root.Options.Where(option => option.Recursive))
            .SelectMany(option => option.Aliases.Append(option.Name).Select(name => (Name: name, Option: option)))
            .DistinctBy(pair => pair.Name)
            .ToDictionary(pair => pair.Name, pair => pair.Option);
        var options = arguments.TakeWhile(argument => argument != "--").Where(text => LongOption().IsMatch(text));
        foreach (var argument in options)
        {
            var parts = argument.Split(['=', ':'], 2);
            if (!known.TryGetValue(parts[0], out var option)) return UnknownOption(command, parts[0]);
            if (option.ValueType == typeof(bool) && parts.Length == 2 && !bool.TryParse(parts[1], out _))
                return new UsageProblem($"{parts[0]} is '{parts[1]}'. Expected true or false.", command);
        }

        return null;
    }

    /// <summary>What the parser found.</summary>
    public static UsageProblem? FindProblem(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.Errors.Count == 0) return null;
        var error = parsed.Errors[0];
        var message = error.SymbolResult switch
        {
            OptionResult option => Complain(option),
            ArgumentResult { Parent: OptionResult option } => Complain(option),
            _ when parsed.UnmatchedTokens.Count > 0 => $"'{parsed.UnmatchedTokens[0]}' is one argument too many.",
            _ => error.Message,
        };
        return new UsageProblem(message, command);
    }

    private static string Complain(OptionResult result)
    {
        var name = result.IdentifierToken?.Value ?? result.Option.Name;
        if (result.Tokens.Count == 0) return $"{name} has no value. Expected {result.Option.HelpName ?? "one"}.";
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
        var candidates = command.Options.SelectMany(option => option.Aliases.Prepend(option.Name))
            .Where(candidate => candidate.StartsWith("--", StringComparison.Ordinal))
            .Select(candidate => candidate[2..]);
        var hint = NearestName.Among(candidates, name[2..]) is { } nearest
            ? $"Did you mean '--{nearest}'?"
            : $"'{HelpText.NameOf(command)} --help' lists all.";
        return new UsageProblem($"'{name}' is not an option of '{HelpText.NameOf(command)}'. {hint}", command);
    }

    [GeneratedRegex(@"^--[A-Za-z][\w-]*([=:].*)?$", RegexOptions.Singleline)]
    private static partial Regex LongOption();
}
