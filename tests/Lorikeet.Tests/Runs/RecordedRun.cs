using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

/// <summary>The events of a small run, as a trainer would emit them.</summary>
internal static class RecordedRun
{
    public static RunSummary Summary(int firstStep = 0) => new(
        Model: "assets/nano-base", ModelParameters: 6_430_208, TrainableParameters: 884_736, TrainRows: 1_280,
        EvalRows: 96, TargetTokens: 9_214, TrainTokens: 48_120, LongestRow: 71, MaxLength: 512, TotalSteps: 40,
        FirstStep: firstStep, Device: "cpu, bfloat16, nf4 with double quantization");

    public static StepMetrics Step(int step) => new(
        step, Epoch: step / 40.0, Loss: Math.Round(0.2 + 3.1 * Math.Exp(-step / 9.0) + 0.05 * (step % 3), 6),
        GradNorm: Math.Round(0.4 + 2.0 / step, 6), LearningRate: 1e-3 * Math.Min(1, step / 4.0) * (1 - step / 50.0),
        Tokens: 1_200L * step, TokensPerSecond: 6_000 + 100 * (step % 5),
        PeakMemoryBytes: 310_000_000 + step * 1_000_000L);

    public static EvaluationMetrics Evaluation(int step)
    {
        var loss = Math.Round(0.25 + 3.0 * Math.Exp(-step / 8.0), 6);
        return new EvaluationMetrics(
            step, step / 40.0, loss, Math.Exp(loss), Rows: 96, Targets: 702, Seconds: 0.8);
    }

    public static TrainingResult Result(StopReason reason = StopReason.Completed, int steps = 40) => new(
        reason, steps, TrainLoss: 0.9, Seconds: 9.25, Tokens: 1_200L * steps, PeakMemoryBytes: 350_000_000,
        BestEvalLoss: Evaluation(steps).Loss, BestStep: steps)
    {
        BestValue = Evaluation(steps).Loss,
    };

    /// <summary>Stages, 40 steps with an evaluation and a checkpoint every 20, and the end.</summary>
    public static IEnumerable<TrainingEvent> Events(int firstStep = 0, int lastStep = 40)
    {
        yield return new StageStarted("Loading", "assets/nano-base");
        yield return new StageProgressed(1, 2);
        yield return new StageProgressed(2, 2);
        yield return new StageStarted("Quantizing", "56 weights to nf4");
        yield return new RunStarted(Summary(firstStep));
        for (var step = firstStep + 1; step <= lastStep; step++)
        {
            yield return new StepCompleted(Step(step));
            if (step % 20 != 0)
                continue;
            yield return new EvaluationCompleted(Evaluation(step));
            yield return new CheckpointSaved(step, $"runs/demo/checkpoints/step-{step:D6}");
        }

        if (lastStep == 40)
            yield return new RunCompleted(Result());
    }
}
