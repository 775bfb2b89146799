using System.CommandLine;
using Lorikeet.Options;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// The options of a catalog on the command line: every name and alias, with - or _, the names of other tools included
/// but hidden. What was given becomes settings, whose values the catalog judges.
/// </summary>
internal sealed class CatalogOptions
{
    private readonly List<(Option Symbol, Func<IReadOnlyList<string>, RawValue> Read)> _symbols = [];

    public CatalogOptions(OptionCatalog catalog)
    {
        Catalog = catalog;
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var option in catalog.Options)
        {
            Add(option.AllNames, taken, option.Bare, several: option.TakesSeveral, flag: option.IsFlag, hidden: false, option.Placeholder);
        }

        foreach (var name in catalog.ForeignNames)
            Add([name], taken, "true", several: true, catalog.IsForeignFlag(name), hidden: true, "VALUE");
        foreach (var flag in catalog.Options.Where(option => option.IsFlag))
            Add([OptionCatalog.Negation(flag.Name)], taken, "true", several: false, flag: true, hidden: true, "");
    }

    /// <summary>The catalog.</summary>
    public OptionCatalog Catalog { get; }

    /// <summary>The symbols to add to a command.</summary>
    public IEnumerable<Option> Symbols => _symbols.Select(pair => pair.Symbol);

    /// <summary>What the user wrote, in the user's spelling.</summary>
    public IReadOnlyList<Setting> Read(ParseResult parsed)
    {
        var settings = new List<Setting>();
        foreach (var (symbol, read) in _symbols)
        {
            if (parsed.GetResult(symbol) is not { Implicit: false } result) continue;
            var name = (result.IdentifierToken?.Value ?? symbol.Name).TrimStart('-');
            settings.Add(new Setting(name, read([.. result.Tokens.Select(token => token.Value)]), OptionOrigin.CommandLine));
        }

        return settings;
    }

    /// <summary>Puts what the user wrote in place of the values of a tree of which nothing else has hold.</summary>
    /// <exception cref="ConfigurationException">A value is wrong; all such are named at once.</exception>
    public T Bind<T>(ParseResult parsed, T start) where T : class
    {
        var binder = new OptionBinder(Catalog);
        binder.Apply(Read(parsed));
        return binder.Build(start);
    }

    private void Add(
        IEnumerable<string> names, HashSet<string> taken, string? bare, bool several, bool flag, bool hidden, string placeholder)
    {
        string[] spellings = [.. names.SelectMany(Spellings).Where(taken.Add)];
        if (spellings.Length == 0) return;
        Option symbol = flag
            ? new Option<bool>(spellings[0], spellings[1..]) { Arity = ArgumentArity.ZeroOrOne }
            : new Option<string[]>(spellings[0], spellings[1..])
            {
                Arity = bare is null ? ArgumentArity.OneOrMore : ArgumentArity.ZeroOrMore,
                AllowMultipleArgumentsPerToken = several,
            };
        (symbol.Hidden, symbol.HelpName) = (hidden, placeholder);
        _symbols.Add((symbol, texts => texts switch
        {
            [] => new RawValue.Scalar(bare),
            [var text] => new RawValue.Scalar(text),
            _ => new RawValue.Sequence(texts),
        }));
    }

    private static IEnumerable<string> Spellings(string name)
    {
        yield return "--" + name;
        if (name.Contains('_', StringComparison.Ordinal)) yield return "--" + name.Replace('_', '-');
    }
}
