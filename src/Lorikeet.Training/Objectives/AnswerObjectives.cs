namespace Lorikeet.Training.Objectives;

/// <summary>Makes the objective that options ask for.</summary>
internal static class AnswerObjectives
{
    /// <summary>The objective; null for supervised training, whose loss is cross-entropy.</summary>
    public static IAnswerObjective? Of(ObjectiveOptions options) => options.Method switch
    {
        TrainingMethod.Dpo => new PairObjective(
            [.. options.EffectiveLossTypes.Select((type, i) =>
                (type, i < options.LossWeights.Count ? options.LossWeights[i] : 1))],
            options.EffectiveBeta, options.LabelSmoothing),
        TrainingMethod.Orpo => new OddsRatioObjective(options.EffectiveBeta),
        TrainingMethod.Kto => new DesirabilityObjective(
            options.EffectiveBeta, options.DesirableWeight, options.UndesirableWeight),
        _ => null,
    };
}
