using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Lorikeet.Data;
using Lorikeet.Training.Loop.HuggingFaceTrainer;

namespace Lorikeet.Training.Loop;

/// <summary>How far a run has come: with the parameters and the optimizer's state, all that resuming needs.</summary>
/// <remarks>No generator is stored: every random number is a function of the seed and the position.</remarks>
internal sealed record TrainingPosition
{
    /// <summary>Optimizer steps done.</summary>
    public int Step { get; init; }

    /// <summary>Tokens read.</summary>
    public long Tokens { get; init; }

    /// <summary>
    /// The same with the padding that a rectangular batch would hold, by which transformers counts operations.
    /// </summary>
    public long PaddedTokens { get; init; }

    /// <summary>Sum of the losses of the steps that Lorikeet took.</summary>
    public double LossSum { get; init; }

    /// <summary>How many they are: fewer than <see cref="Step"/> where another program took the first.</summary>
    public int LossSteps { get; init; }

    /// <summary>Loss of the best evaluation so far.</summary>
    public double? BestEvalLoss { get; init; }

    /// <summary>What makes an evaluation the best, as options name it; null for the loss.</summary>
    public string? Metric { get; init; }

    /// <summary>Its value at the best evaluation; null where that is the loss.</summary>
    public double? BestValue { get; init; }

    /// <summary>The step it was reached at.</summary>
    public int? BestStep { get; init; }

    /// <summary>Evaluations since the last improvement, for early stopping.</summary>
    public int EvaluationsWithoutImprovement { get; init; }

    /// <summary>Ranks that took the last step; others may take the next.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>
    /// Most rows of a micro-batch, where memory did not suffice for as many as the options say; null where it did.
    /// </summary>
    public int? MostRows { get; init; }

    /// <summary>What decides the trajectory: base, rows, settings.</summary>
    public RunFingerprint Run { get; init; } = new("", "", new Dictionary<string, string>());

    private static readonly JsonSerializerOptions s_format = new()
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(), // programs of one file turn reflection off elsewhere
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>The position after one more step.</summary>
    /// <param name="rows">The rows of each of its micro-batches.</param>
    /// <param name="loss">Its loss.</param>
    public TrainingPosition After(IReadOnlyList<IReadOnlyList<TrainingRow>> rows, double loss) => this with
    {
        Step = Step + 1,
        Tokens = Tokens + rows.Sum(batch => batch.Sum(row => (long)row.Length)),
        PaddedTokens = PaddedTokens + HuggingFaceState.PaddedTokens(rows),
        LossSum = LossSum + loss,
        LossSteps = LossSteps + 1,
    };

    public string ToJson() => JsonSerializer.Serialize(this, s_format) + "\n";

    public static TrainingPosition FromJson(string json, string path)
    {
        try
        {
            return JsonSerializer.Deserialize<TrainingPosition>(json, s_format)
                ?? throw new JsonException("It is null; an object was expected.");
        }
        catch (JsonException fault)
        {
            throw new CheckpointException(
                $"'{path}' is damaged: {fault.Message} Resume from an earlier checkpoint.", fault);
        }
    }
}
