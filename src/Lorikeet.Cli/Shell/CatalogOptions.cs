using System.CommandLine;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// The options of a catalog on the command line: every name and alias, with - or _, the names of other tools included
/// but hidden. What was given becomes settings, whose values the catalog judges.
/// </summary>
internal sealed class CatalogOptions
{
    private readonly List<(Option Symbol, string? Bare)> _symbols = [];
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    public CatalogOptions(OptionCatalog catalog)
    {
        Catalog = catalog;
        foreach (var option in catalog.Options)
        {
            if (option.IsFlag)
                AddFlag(option.AllNames);
            else
                AddValue(option.AllNames, option.Bare, option.TakesSeveral, option.Placeholder, option.Choices);
        }

        var visible = _symbols.Count;
        foreach (var name in catalog.ForeignNames)
        {
            if (catalog.IsForeignFlag(name))
                AddFlag([name]);
            else
                AddValue([name], bare: "true", several: false, placeholder: "VALUE", choices: []);
        }

        foreach (var flag in catalog.Options.Where(option => option.IsFlag))
            AddFlag([OptionCatalog.Negation(flag.Name)]);
        foreach (var (symbol, _) in _symbols.Skip(visible))
            symbol.Hidden = true;
    }

    /// <summary>The catalog.</summary>
    public OptionCatalog Catalog { get; }

    /// <summary>The symbols to add to a command.</summary>
    public IEnumerable<Option> Symbols => _symbols.Select(pair => pair.Symbol);

    /// <summary>What the user wrote, in the user's spelling.</summary>
    public IReadOnlyList<Setting> Read(ParseResult parsed)
    {
        var settings = new List<Setting>();
        foreach (var (symbol, bare) in _symbols)
        {
            if (parsed.GetResult(symbol) is not { Implicit: false } result)
                continue;
            var name = (result.IdentifierToken?.Value ?? symbol.Name).TrimStart('-');
            RawValue value = result.Tokens switch
            {
                [] => new RawValue.Scalar(bare),
                [var token] => new RawValue.Scalar(token.Value),
                var tokens => new RawValue.Sequence([.. tokens.Select(token => token.Value)]),
            };
            settings.Add(new Setting(name, value, OptionOrigin.CommandLine));
        }

        return settings;
    }

    /// <summary>
    /// Sets what the user wrote on a tree of options that nobody else holds, and checks the places that are to be
    /// written.
    /// </summary>
    /// <exception cref="ConfigurationException">A value is wrong; all such are named at once.</exception>
    /// <exception cref="StorageException">A place cannot be written.</exception>
    public T Bind<T>(ParseResult parsed, T start) where T : class => Catalog.Bind(Read(parsed), start);

    private void AddFlag(IEnumerable<string> names)
    {
        if (Spellings(names) is [var first, .. var others])
            _symbols.Add((new Option<bool>(first, others) { Arity = ArgumentArity.ZeroOrOne }, "true"));
    }

    private void AddValue(
        IEnumerable<string> names, string? bare, bool several, string placeholder, IReadOnlyList<string> choices)
    {
        if (Spellings(names) is not [var first, .. var others])
            return;
        var option = new Option<string[]>(first, others)
        {
            Arity = bare is null ? ArgumentArity.OneOrMore : ArgumentArity.ZeroOrMore,
            AllowMultipleArgumentsPerToken = several,
            HelpName = placeholder,
        };
        if (choices.Count > 0)
            option.CompletionSources.Add([.. choices]);
        _symbols.Add((option, bare));
    }

    /// <summary>The names with - and with _, those left out that another option has already.</summary>
    private string[] Spellings(IEnumerable<string> names) =>
        [.. names.SelectMany(name => new[] { "--" + name, "--" + name.Replace('_', '-') }).Where(_taken.Add)];
}
