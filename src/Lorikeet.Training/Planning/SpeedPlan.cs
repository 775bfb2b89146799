namespace Lorikeet.Training.Planning;

/// <summary>How fast a run is expected to be on the machine that was measured.</summary>
/// <param name="GemmRate">Floating-point operations a second of large GEMMs, as measured.</param>
/// <param name="CopyRate">Bytes a second that copies read and write, as measured.</param>
/// <param name="TokensPerSecond">Tokens a second of training.</param>
/// <param name="StepSeconds">Seconds of an optimizer step.</param>
/// <param name="RunSeconds">Seconds of all steps, evaluations not included; null where the steps are not known.</param>
public sealed record SpeedPlan(
    double GemmRate, double CopyRate, double TokensPerSecond, double StepSeconds, double? RunSeconds);
