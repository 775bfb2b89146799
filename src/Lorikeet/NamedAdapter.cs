using System.Text.RegularExpressions;

namespace Lorikeet;

/// <summary>An adapter to load, and what it is called from then on.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Source">A folder or a hub id.</param>
public sealed partial record NamedAdapter(string Name, string Source)
{
    /// <summary>The name of an adapter that was given none.</summary>
    public const string Default = "default";

    /// <summary>
    /// Reads NAME=DIR, or DIR alone: the first without a name is the default one, others have their folder's name.
    /// </summary>
    public static IReadOnlyList<NamedAdapter> Parse(IReadOnlyList<string> texts)
    {
        var adapters = new List<NamedAdapter>();
        foreach (var text in texts)
        {
            var match = Named().Match(text);
            var source = match.Success && !Path.Exists(text) ? match.Groups["source"].Value : text;
            var name = source != text ? match.Groups["name"].Value
                : adapters.Any(adapter => adapter.Name == Default)
                    ? Path.GetFileName(Path.TrimEndingDirectorySeparator(text))
                : Default;
            adapters.Add(new NamedAdapter(name, source));
        }

        return adapters;
    }

    [GeneratedRegex(@"^(?<name>[\w.-]+)=(?<source>.+)$")]
    private static partial Regex Named();
}
