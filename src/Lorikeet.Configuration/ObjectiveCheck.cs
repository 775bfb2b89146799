using Lorikeet.Data;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Decoder;
using Lorikeet.Training;

namespace Lorikeet.Configuration;

/// <summary>Whether the options of a method fit each other and the rest.</summary>
internal static class ObjectiveCheck
{
    private static readonly LossType[] s_ofPairs =
    [
        LossType.Sigmoid, LossType.Hinge, LossType.Ipo, LossType.Robust, LossType.ApoZero, LossType.ApoDown,
        LossType.Sft,
    ];

    /// <summary>What must be fixed.</summary>
    /// <param name="options">All options.</param>
    /// <param name="speak">How the user named an option.</param>
    public static IEnumerable<string> Problems(TrainingOptions options, Func<string, string> speak)
    {
        var objective = options.Objective;
        var (method, losses) = (WireNames.Of(objective.Method), objective.LossTypes);
        var known = objective.Method switch
        {
            TrainingMethod.Sft => [LossType.Nll],
            TrainingMethod.Dpo => s_ofPairs,
            TrainingMethod.Grpo => [LossType.Dapo, LossType.Grpo, LossType.DrGrpo],
            _ => Array.Empty<LossType>(),
        };
        if (losses.Except(known).ToList() is [var stranger, ..])
        {
            var expected = known.Length == 0 ? "no loss_type, for it has one loss"
                : string.Join(", ", known.Select(type => WireNames.Of(type)));
            yield return $"{speak("loss_type")} is {WireNames.Of(stranger)}, and method is {method}. Expected "
                + $"{expected}." + (s_ofPairs.Contains(stranger) ? " Pairs are learned from by method dpo." : "");
            yield break;
        }

        if (objective.LossWeights.Count > 0 && objective.LossWeights.Count != losses.Count)
            yield return $"{speak("loss_weights")} has {objective.LossWeights.Count} numbers, and loss_type "
                + $"{losses.Count} forms. Expected one for each.";
        if (losses is [LossType.Sft, ..] && losses.All(type => type == LossType.Sft))
            yield return $"{speak("loss_type")} is sft alone, which compares nothing. Expected another form beside it, "
                + "or method sft.";
        if (objective.Method == TrainingMethod.Grpo && losses.Count > 1)
            yield return $"{speak("loss_type")} has {losses.Count} forms, and method is grpo. Expected one.";
        if (objective.Preferences == PreferenceUse.None)
            yield break;
        if (objective.Beta == 0)
            yield return $"{speak("beta")} is 0, and with that {method} prefers nothing. Expected a number above 0.";
        if (objective is { NeedsReference: true, PrecomputeReference: false }
            && options.Model.Method == FineTuneMethod.Full)
            yield return $"Method {method} compares with the base, and finetuning_type is full: its weights are gone "
                + "after the first step. Set precompute_ref_log_probs, or train an adapter (finetuning_type lora).";
        if (options.Distributed.ContextParallel > 1)
            yield return $"{speak("context_parallel_size")} is {options.Distributed.ContextParallel}, and method is "
                + $"{method}, which needs the tokens of an answer in one process. Expected 1, or method sft.";
        if (options.Data.TrainOn == TrainOn.All)
            yield return $"{speak("train_on")} is all, and method is {method}, which judges answers. Expected auto or "
                + "answer.";
        if (options.Optimization.AutoFindBatchSize && (objective.Method != TrainingMethod.Dpo
            || losses.Contains(LossType.Sft)))
            yield return $"{speak("auto_find_batch_size")} divides a step as memory has room, and what {method} "
                + $"{(losses.Contains(LossType.Sft) ? "with loss_type sft " : "")}learns depends on the division. "
                + "Give per_device_train_batch_size.";
        if (objective.Method == TrainingMethod.Kto && options.Optimization.BatchSize < 2
            && !options.Optimization.AutoFindBatchSize)
            yield return $"{speak("per_device_train_batch_size")} is {options.Optimization.BatchSize}, and kto "
                + "estimates how far the model has moved on answers to other prompts of the batch. Expected at least "
                + "2.";
    }

    /// <summary>Options that do nothing, and why.</summary>
    public static IEnumerable<(string Name, string Why)> Idle(ObjectiveOptions objective)
    {
        var method = WireNames.Of(objective.Method);
        if (!objective.LossTypes.Contains(LossType.Robust))
            yield return ("label_smoothing", "has no effect: it is of loss_type robust, as in TRL.");
        if (objective.Method == TrainingMethod.Sft)
            yield return ("beta", "has no effect: method is sft.");
        if (!objective.NeedsReference)
            yield return ("precompute_ref_log_probs", $"has no effect: method {method} asks no base.");
        if (objective.Method != TrainingMethod.Kto)
        {
            yield return ("desirable_weight", $"has no effect: method is {method}; it is of kto.");
            yield return ("undesirable_weight", $"has no effect: method is {method}; it is of kto.");
        }

        if (objective.Preferences == PreferenceUse.None)
            yield break;
        yield return ("token_cache", $"has no effect: rows of method {method} are kept in memory.");
        yield return ("loss_denominator", $"has no effect: the loss of {method} is a mean over rows.");
    }
}
