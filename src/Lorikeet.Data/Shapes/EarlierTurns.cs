using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Shapes;

/// <summary>
/// What was said before the question of a row: a column of <c>history</c>, and instructions of the system.
/// </summary>
internal static class EarlierTurns
{
    /// <summary>The earlier turns of a row as messages.</summary>
    /// <param name="row">The row.</param>
    /// <exception cref="DatasetException">They are in a form that is not known.</exception>
    public static IReadOnlyList<JsonObject> Read(RowCells row)
    {
        if (row.List(Column.History) is not { Count: > 0 } history)
            return [];
        var messages = history.All(TurnValue.IsTurn)
            ? ConversationTurns.Read(row, Column.History, history)
            : TurnPairs.TryRead(history);
        return messages?.ToArray() ?? throw row.Unexpected(
            Column.History, "a list of pairs of a question and its answer, or of turns with 'role' and 'content'");
    }

    /// <summary>Puts a row's instructions and earlier turns before its question.</summary>
    public static ConversationContent Before(RowCells row, ConversationContent example)
    {
        JsonObject[] earlier = row.TextOrNull(Column.System) is { } system && !HasSystem(example)
            ? [ConversationContent.Message("system", system), .. Read(row)]
            : [.. Read(row)];
        for (var i = 0; i < earlier.Length; i++)
            example.Messages.Insert(i, earlier[i]);
        ConversationTurns.MuteEmpty(example.Messages);
        return example;
    }

    private static bool HasSystem(ConversationContent example) =>
        (string?)example.Messages.FirstOrDefault()?["role"] == "system";
}
