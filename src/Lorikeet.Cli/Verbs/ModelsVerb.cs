using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Hub.Cache;
using Lorikeet.Hub.Transport;
using Spectre.Console;

namespace Lorikeet.Cli.Verbs;

/// <summary>Lists what was fetched from the hub, and removes it when asked.</summary>
internal sealed class ModelsVerb : Verb
{
    private const string List = "ls";
    private const string Remove = "rm";

    private readonly Argument<string> _what = new("WHAT")
    { Description = "ls or rm: what is done with the cache" };

    private readonly Argument<string[]> _ids = new("ID")
    {
        Description = "Models and datasets by their ids on the hub; ls shows all when none is named.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _yes = new("--yes", "-y")
    {
        Description = "Remove without asking.",
    };

    public ModelsVerb() : base(
        "models", "List models and datasets of the hub's cache on this machine, and remove them.",
        "Print JSON instead of a table.")
    {
        _what.AcceptOnlyFromAmong(List, Remove);
        Add(_what);
        Add(_ids);
        Add(_yes);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("what lies in the cache, and what it takes", "models ls"),
        ("remove a model; asks first", "models rm TinyLlama/TinyLlama-1.1B-Chat-v1.0"),
    ];

    public override int Run(Invocation call)
    {
        var settings = HubSettings.FromEnvironment();
        var found = CachedRepository.In(settings);
        var ids = call.Arguments.GetValue(_ids) ?? [];
        var named = ids.Length == 0 ? found : [.. ids.SelectMany(id => Find(found, id, settings.CacheFolder))];
        if (call.Arguments.GetValue(_what) == List)
            Show(call, named, settings.CacheFolder);
        else if (ids.Length == 0)
            throw new ConfigurationException("No model is named. Name those to remove by their ids, as ls shows them.");
        else
            return RemoveThem(call, named);
        return 0;
    }

    private void Show(Invocation call, IReadOnlyList<CachedRepository> found, string cache)
    {
        if (IsJson(call))
        {
            Print(call, found);
            return;
        }

        if (found.Count == 0)
        {
            call.Terminal.Error.WriteLine($"Nothing was fetched to '{cache}' yet.");
            return;
        }

        var table = Tables.Create("Id", "Kind", "Size", "Last used", "Revisions");
        table.Columns[2].RightAligned();
        foreach (var one in found)
        {
            table.AddRow(
                one.Id.EscapeMarkup(), WireNames.Of(one.Kind), Quantities.Bytes(one.Bytes),
                one.LastUsed.ToLocalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
                string.Join(", ", one.Revisions).EscapeMarkup());
        }

        call.Terminal.Data.Write(table);
        call.Terminal.Error.WriteLine($"{Quantities.Bytes(found.Sum(one => one.Bytes))} in '{cache}'.");
    }

    private int RemoveThem(Invocation call, IReadOnlyList<CachedRepository> named)
    {
        var terminal = call.Terminal;
        var size = Quantities.Bytes(named.Sum(one => one.Bytes));
        if (!call.Arguments.GetValue(_yes) && !IsConfirmed(terminal, named, size))
        {
            terminal.Error.WriteLine("Nothing was removed.");
            return ExitCodes.Failed;
        }

        foreach (var one in named)
            one.Remove();
        if (IsJson(call))
            Print(call, named);
        else
            terminal.Error.WriteLine($"Removed {string.Join(", ", named.Select(one => one.Id))}: {size}.");
        return 0;
    }

    private static bool IsConfirmed(Terminal terminal, IReadOnlyList<CachedRepository> named, string size)
    {
        if (!terminal.Talk.Profile.Capabilities.Interactive && !terminal.IsInputGiven)
        {
            throw new ConfigurationException(
                "Nobody can be asked here whether to remove it. Say so with 'yes', which removes without asking.");
        }

        terminal.Error.Write($"Remove {string.Join(", ", named.Select(one => one.Id))} ({size})? [y/N] ");
        return terminal.Input.ReadLine()?.Trim().ToLowerInvariant() is "y" or "yes" or "c" or "có";
    }

    private static IEnumerable<CachedRepository> Find(IReadOnlyList<CachedRepository> found, string id, string cache) =>
        found.Where(one => one.Id.Equals(id, StringComparison.OrdinalIgnoreCase)).ToList() is { Count: > 0 } those
            ? those
            : throw new ConfigurationException(
                $"'{id}' does not lie in the cache '{cache}'."
                + (NearestName.Among(found.Select(one => one.Id), id) is { } near ? $" Did you mean '{near}'?"
                    : " 'lorikeet models ls' shows what does."));

    private static void Print(Invocation call, IReadOnlyList<CachedRepository> found) =>
        call.Terminal.Out.WriteLine(new JsonArray([.. found.Select(one => (JsonNode)new JsonObject
        {
            ["id"] = one.Id,
            ["kind"] = WireNames.Of(one.Kind),
            ["bytes"] = one.Bytes,
            ["last_used"] = one.LastUsed,
            ["revisions"] = new JsonArray([.. one.Revisions.Select(revision => (JsonNode)revision)]),
            ["folder"] = one.Folder,
        })]).ToJsonString(JsonFormats.Indented));
}
