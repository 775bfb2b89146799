using System.Text.Json.Nodes;
using Lorikeet.Training;
using Lorikeet.Training.Rollouts;

namespace Lorikeet;

/// <summary>Answers of a file as a dataset.</summary>
internal static class RolloutDataset
{
    /// <summary>The data of a run whose answers are those of a file: its rows are these answers.</summary>
    /// <param name="answers">The file's answers.</param>
    /// <param name="options">The run's options; they name the file.</param>
    public static Dataset Of(RolloutTask answers, TrainingOptions options) =>
        Dataset.From(
            answers.Rows.Select(row => new JsonObject
            {
                ["input_ids"] = new JsonArray([.. row.Ids.Select(id => (JsonNode)id)]),
                ["labels"] = new JsonArray([.. row.Labels.Select(id => (JsonNode)id)]),
            }),
            options.Data with { Datasets = [] }, options.Rewards.Rollouts!);
}
