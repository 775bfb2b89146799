using System.Text.Json.Nodes;
using Lorikeet.Configuration;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Rollouts;

/// <summary>Whole runs over fixed answers, held to the trajectories that TRL's formulas take in torch.</summary>
public sealed class RolloutTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private RunFolder Run => new(_folder["run"]);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("grpo", true)]
    [InlineData("grpo", false)]
    [InlineData("dapo", true)]
    [InlineData("dapo", false)]
    [InlineData("dr_grpo", true)]
    public void Trajectory_OfFixedAnswers_EqualsTrl(string loss, bool optimized)
    {
        var options = Options(loss, optimized);
        Train(options);

        var expected = Trajectory(loss)["log"]!.AsArray();
        var steps = RunHistory.Read(Run.MetricsFile).Steps;
        Assert.Equal(expected.Count, steps.Count);
        for (var i = 0; i < steps.Count; i++)
        {
            Near(expected[i]!["loss"]!, steps[i].Loss, 1e-5, 0, $"loss {i}");
            Near(expected[i]!["grad_norm"]!, steps[i].GradNorm, 0, 1e-4, $"norm {i}");
            Near(expected[i]!["lr"]!, steps[i].LearningRate, 0, 1e-12, $"rate {i}");
            Near(expected[i]!["reward"]!, steps[i].Further["reward"], 0, 1e-12, $"reward {i}");
        }

        using var final = SafetensorsFile.Open(Golden(loss, "final", AdapterFolder.WeightsFile));
        using var actual = SafetensorsFile.Open(Path.Combine(Run.AdapterFolder, AdapterFolder.WeightsFile));
        foreach (var name in final.Tensors.Keys)
        {
            using var wanted = TensorAssert.Read(final, name);
            using var trained = TensorAssert.Read(actual, name);
            TensorAssert.Close(wanted, trained, 1e-4, name);
        }
    }

    /// <summary>In the middle of a round, whose answers the model that goes on can no longer draw.</summary>
    [Fact]
    public void Run_ThatIsInterruptedWithinARound_TakesTheStepsOfOneThatIsNot()
    {
        var options = Options("grpo", optimized: true);
        Train(options);
        var whole = File.ReadAllBytes(Path.Combine(Run.AdapterFolder, AdapterFolder.WeightsFile));
        using var stop = new CancellationTokenSource();
        Train(options, new Stopping(stop, after: 3), stop.Token);

        Train(options with { Output = new() { OutputDir = Run.Folder, ResumeFromCheckpoint = "latest" } });

        Assert.Equal(whole, File.ReadAllBytes(Path.Combine(Run.AdapterFolder, AdapterFolder.WeightsFile)));
        Assert.Equal(24, RunHistory.Read(Run.MetricsFile).Steps.Count);
    }

    private TrainingOptions Options(string loss, bool optimized)
    {
        var trajectory = Trajectory(loss);
        var constants = JsonNode.Parse(File.ReadAllText(Golden(loss, "case.json")))!;
        return new TrainingOptions
        {
            Model = new()
            {
                Model = TestAssets.Golden("families", "models", "gqa"),
                Adapter = Golden(loss, "initial"),
                TorchDtype = ComputeType.Float32,
                Device = "cpu",
            },
            Objective = new()
            {
                Method = TrainingMethod.Grpo,
                LossTypes = [Enum.Parse<LossType>(loss.Replace("_", ""), ignoreCase: true)],
                Beta = (double)constants["beta"]!,
            },
            Rewards = new()
            {
                Rollouts = TestAssets.Golden("preference", "rollouts.json"),
                Iterations = (int)trajectory["num_iterations"]!,
                MaxCompletionLength = (int)trajectory["max_completion_length"]!,
                Epsilon = (double)constants["epsilon"]!,
            },
            Optimization = new()
            {
                BatchSize = 2, // half a group
                GradientAccumulation = 2,
                Epochs = 1,
                LearningRate = 2e-3,
                WeightDecay = 1e-3,
                MaxGradNorm = 0.3,
                WarmupSteps = 3,
                Optimized = optimized,
            },
            Evaluation = new() { SampleCount = 0 },
            Output = new() { OutputDir = Run.Folder, Overwrite = true },
        };
    }

    private static void Train(
        TrainingOptions options, ITrainingObserver? observer = null, CancellationToken stop = default)
    {
        using var run = new TrainingRun(ResolvedOptions.FromCode(options));
        run.Train(observer, stop);
    }

    private static JsonNode Trajectory(string loss) =>
        JsonNode.Parse(File.ReadAllText(Golden(loss, "trajectory.json")))!;

    private static string Golden(string loss, params string[] parts) =>
        TestAssets.Golden(["preference", $"grpo_{loss}", .. parts]);

    private static void Near(JsonNode expected, double actual, double absolute, double relative, string what) =>
        Assert.True(
            Math.Abs((double)expected - actual) <= absolute + relative * Math.Abs((double)expected),
            $"{what}: {actual}, expected {expected}");
}
