using System.Globalization;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Reading;

/// <summary>A place in a row: a column, or a value inside one as <c>data.answers.0.text</c>.</summary>
internal static class ColumnPath
{
    /// <summary>Looks a place up; a column whose own name has dots takes precedence.</summary>
    /// <param name="row">The row.</param>
    /// <param name="path">Names and, inside lists, numbers from 0, with dots between.</param>
    /// <param name="value">What is there, perhaps null.</param>
    /// <returns>Whether the place exists.</returns>
    public static bool TryFind(JsonObject row, string path, out JsonNode? value)
    {
        if (row.TryGetPropertyValue(path, out value))
            return true;
        JsonNode? place = row;
        foreach (var step in path.Split('.'))
        {
            switch (place)
            {
                case JsonObject members when members.TryGetPropertyValue(step, out var member):
                    place = member;
                    break;
                case JsonArray items when int.TryParse(
                    step, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                    && index < items.Count:
                    place = items[index];
                    break;
                default:
                    return false;
            }
        }

        value = place;
        return true;
    }
}
