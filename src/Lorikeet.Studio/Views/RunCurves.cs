using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet.Studio.Views;

/// <summary>The curves of a run's history.</summary>
public static class RunCurves
{
    /// <summary>Loss of the steps.</summary>
    /// <param name="history">The history.</param>
    /// <param name="name">The curve's name.</param>
    public static Curve Loss(RunHistory history, string name) => Of(history, name, step => step.Loss);

    /// <summary>Held-out loss.</summary>
    /// <inheritdoc cref="Loss"/>
    public static Curve HeldOut(RunHistory history, string name) =>
        new(name, [.. history.Evaluations.Select(evaluation => (evaluation.Step, evaluation.Loss))]);

    /// <summary>Another figure of the steps.</summary>
    /// <inheritdoc cref="Loss"/>
    /// <param name="history"/>
    /// <param name="name"/>
    /// <param name="value">The figure.</param>
    public static Curve Of(RunHistory history, string name, Func<StepMetrics, double> value) =>
        new(name, [.. history.Steps.Select(step => (step.Step, value(step)))]);
}
