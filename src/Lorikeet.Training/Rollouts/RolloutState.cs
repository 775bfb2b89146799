using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;

namespace Lorikeet.Training.Rollouts;

/// <summary>
/// A round as a checkpoint keeps it, where steps remain to be taken on its answers: the model that drew them is gone.
/// </summary>
internal static class RolloutState
{
    /// <summary>The file within a checkpoint.</summary>
    public const string FileName = "rollouts.json";

    /// <summary>Writes a round.</summary>
    public static void Write(RolloutRound round, string path)
    {
        var answer = 0;
        var groups = new JsonArray();
        foreach (var group in round.Groups)
        {
            var rollouts = new JsonArray();
            foreach (var rollout in group.Rollouts)
            {
                rollouts.Add(new JsonObject
                {
                    ["ids"] = Numbers(rollout.Ids),
                    ["reward"] = rollout.Reward,
                    ["scores"] = Numbers(rollout.Scores),
                    ["is_truncated"] = rollout.IsTruncated,
                    ["text"] = rollout.Text,
                    ["before"] = round.Before[answer] is { } before ? Numbers(before) : null,
                    ["reference"] = round.Reference is { } reference ? Numbers(reference[answer]) : null,
                });
                answer++;
            }

            groups.Add(new JsonObject { ["prompt_ids"] = Numbers(group.PromptIds), ["rollouts"] = rollouts });
        }

        File.WriteAllText(path, new JsonObject { ["round"] = round.Number, ["groups"] = groups }.ToJsonString());
    }

    /// <summary>Reads a round.</summary>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public static RolloutRound Read(string path, RewardOptions options)
    {
        var state = JsonSetting.Read(new JsonOrigin(path) { Advice = "Resume from an earlier checkpoint." });
        var (groups, before, reference) = (new List<RolloutGroup>(), new List<float[]?>(), new List<float[]?>());
        foreach (var group in state["groups"].Items())
        {
            var rollouts = group["rollouts"].Items().ToList();
            groups.Add(new RolloutGroup(Ids(group["prompt_ids"]), [.. rollouts.Select(RolloutOf)]));
            before.AddRange(rollouts.Select(rollout => Floats(rollout["before"])));
            reference.AddRange(rollouts.Select(rollout => Floats(rollout["reference"])));
        }

        var round = new RolloutRound(state["round"].AsIntBetween(0, int.MaxValue), groups, options);
        before.CopyTo(round.Before);
        if (reference.TrueForAll(own => own is not null))
            round.Reference = [.. reference.Select(own => own!)];
        return round;
    }

    private static Rollout RolloutOf(JsonSetting value) => new(Ids(value["ids"]), value["reward"].AsDouble())
    {
        Scores = [.. value["scores"].Items().Select(score => score.AsDoubleOrNull() ?? double.NaN)],
        IsTruncated = value["is_truncated"].AsBool(),
        Text = value["text"].AsStringOrNull(),
    };

    private static int[] Ids(JsonSetting value) => [.. value.Items().Select(id => id.AsTokenId())];

    private static float[]? Floats(JsonSetting value) =>
        value.IsMissing ? null : [.. value.Items().Select(number => (float)number.AsDouble())];

    private static JsonArray Numbers(IEnumerable<int> ids) => new([.. ids.Select(id => (JsonNode)id)]);

    private static JsonArray Numbers(IEnumerable<float> numbers) =>
        new([.. numbers.Select(number => (JsonNode)number)]);

    /// <summary>JSON has no NaN.</summary>
    private static JsonArray Numbers(IEnumerable<double> numbers) =>
        new([.. numbers.Select(number => double.IsNaN(number) ? null : (JsonNode)number)]);
}
