using System.Text.RegularExpressions;
using Lorikeet.Data.Reading;
using Lorikeet.Studio.Records;

namespace Lorikeet.Studio.Views;

/// <summary>Where a row comes from, as people name it: a file of the cache of the hub by its repository.</summary>
internal static partial class ShownOrigin
{
    /// <summary>A file of the current folder from there, one of the hub as <c>owner/name/train.jsonl:17</c>.</summary>
    public static string Of(RowOrigin origin) => (origin with { File = FileOf(origin.File) }).ToString();

    private static string FileOf(string file) =>
        Snapshot().Match(file) is { Success: true } match
            ? $"{match.Groups["id"].Value.Replace("--", "/")}/{match.Groups["file"].Value}"
            : StudioPlaces.Shown(file);

    [GeneratedRegex(@"[/\\]datasets--(?<id>[^/\\]+)[/\\]snapshots[/\\][^/\\]+[/\\](?<file>.+)$")]
    private static partial Regex Snapshot();
}
