using System.Text.RegularExpressions;
using Lorikeet.Testing;

namespace Lorikeet.Architecture.Tests;

/// <summary>The table of rooms in ARCHITECTURE.md: assemblies bottom up, and the rooms of each bottom up.</summary>
internal sealed partial class RoomTable
{
    private const string Root = "(root)";

    private readonly List<(string Assembly, List<string> Rooms)> _assemblies;

    private RoomTable(List<(string Assembly, List<string> Rooms)> assemblies) => _assemblies = assemblies;

    public IEnumerable<string> Assemblies => _assemblies.Select(entry => entry.Assembly);

    public static RoomTable Read()
    {
        var lines = File.ReadLines(Path.Combine(TestAssets.Root, "ARCHITECTURE.md"));
        var rows = lines.Select(line => Row().Match(line)).Where(match => match.Success);
        return new RoomTable([.. rows.Select(row => (
            row.Groups["assembly"].Value,
            Name().Matches(row.Groups["rooms"].Value).Select(name => name.Groups[1].Value).ToList()))]);
    }

    /// <summary>Position from the bottom; a type may use those of lower or equal positions.</summary>
    public (int Assembly, int Room) PositionOf(string assembly, string @namespace)
    {
        var index = _assemblies.FindIndex(entry => entry.Assembly == assembly);
        var rooms = _assemblies[index].Rooms;
        var folder = @namespace.StartsWith(assembly + ".", StringComparison.Ordinal)
            ? @namespace[(assembly.Length + 1)..].Split('.')[0]
            : "";
        var room = rooms.IndexOf(folder);
        return (index, room >= 0 ? room : rooms.IndexOf(Root));
    }

    public string Describe((int Assembly, int Room) position) =>
        $"{_assemblies[position.Assembly].Assembly} {_assemblies[position.Assembly].Rooms[position.Room]}";

    [GeneratedRegex(@"^\| `(?<assembly>Lorikeet[.\w]*)` \| (?<rooms>`[^|]*) \|")]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Name();
}
