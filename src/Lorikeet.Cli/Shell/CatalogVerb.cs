using Lorikeet.Configuration;

namespace Lorikeet.Cli.Shell;

/// <summary>A verb whose options come from a catalog, in whose groups the help shows them.</summary>
internal abstract class CatalogVerb : Verb
{
    /// <param name="name">What is typed.</param>
    /// <param name="description">What it is for, in one sentence.</param>
    /// <param name="catalog">The options.</param>
    /// <param name="json">What <c>--json</c> does; null for a verb without it.</param>
    protected CatalogVerb(string name, string description, OptionCatalog catalog, string? json = null)
        : base(name, description, json)
    {
        Catalog = new CatalogOptions(catalog);
        foreach (var symbol in Catalog.Symbols)
            Add(symbol);
    }

    /// <summary>The options.</summary>
    public CatalogOptions Catalog { get; }

    /// <summary>The arguments in place of the values of <paramref name="start"/>, which must not be shared.</summary>
    protected T Bind<T>(Invocation call, T start) where T : class => Catalog.Bind(call.Arguments, start);
}
