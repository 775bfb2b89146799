using Lorikeet.Data;
using Lorikeet.Formats.Json;

namespace Lorikeet.Training.Rollouts;

/// <summary>
/// Answers that were drawn and rewarded elsewhere: a JSON array of groups, or a group a line, each with
/// <c>prompt_ids</c>, <c>completions</c> (lists of ids) and <c>rewards</c> (a number for each).
/// </summary>
internal static class RolloutFile
{
    private const string Expected =
        "Expected groups with 'prompt_ids', 'completions' (two or more lists of ids) and 'rewards' (a number for "
        + "each), as a JSON array or one a line.";

    /// <summary>Reads a file.</summary>
    /// <exception cref="LorikeetException">It cannot be read, or is of another form.</exception>
    public static IReadOnlyList<RolloutGroup> Read(string path)
    {
        var origin = new JsonOrigin(path)
        {
            Advice = Expected,
            Error = (message, inner) => new DatasetException(message, inner),
        };
        var groups = Values(path, origin).Select(Group).ToList();
        if (groups.Count == 0)
            throw new DatasetException($"'{path}' holds no group. {Expected}");
        if (groups.FirstOrDefault(group => group.Rollouts.Count != groups[0].Rollouts.Count) is { } other)
            throw new DatasetException(
                $"'{path}' holds a group of {groups[0].Rollouts.Count} answers and one of {other.Rollouts.Count}. "
                + "Groups of the same size were expected.");
        return groups;
    }

    /// <summary>The answers as rows to learn from, in order.</summary>
    public static IEnumerable<TrainingRow> Rows(IReadOnlyList<RolloutGroup> groups) =>
        groups.SelectMany(group => group.Rollouts.Select(rollout => RowOf(group.PromptIds, rollout.Ids)));

    /// <summary>A question and an answer to it, which alone is learned.</summary>
    public static TrainingRow RowOf(int[] prompt, int[] answer) => new(
        [.. prompt, .. answer], [.. Enumerable.Repeat(TrainingRow.Ignored, prompt.Length), .. answer]);

    private static IEnumerable<JsonSetting> Values(string path, JsonOrigin origin)
    {
        if (!path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase))
            return JsonSetting.Read(origin).ItemsOrOne();
        return File.ReadLines(path).Index().Where(line => line.Item.Length > 0)
            .Select(line => JsonSetting.Parse(line.Item, origin with { FirstLine = line.Index + 1 }));
    }

    private static RolloutGroup Group(JsonSetting value)
    {
        var rewards = value["rewards"].Items().Select(reward => reward.AsDouble()).ToArray();
        var answers = value["completions"].Items().Select(Ids).ToArray();
        if (answers.Length < 2 || answers.Length != rewards.Length)
            throw value["rewards"].Unexpected($"a number for each of {Math.Max(2, answers.Length)} completions");
        return new RolloutGroup(
            Ids(value["prompt_ids"]), [.. answers.Zip(rewards, (ids, reward) => new Rollout(ids, reward))]);
    }

    private static int[] Ids(JsonSetting value)
    {
        int[] ids = [.. value.Items().Select(id => id.AsTokenId())];
        return ids.Length > 0 ? ids : throw value.Unexpected("token ids, at least one");
    }
}
