using Lorikeet.Formats;
using Lorikeet.Training;
using Lorikeet.Training.Loop;

namespace Lorikeet.Tests.Training;

public sealed class TrainingPositionTests
{
    [Theory]
    [InlineData("null")]
    [InlineData("""{"run":null}""")]
    [InlineData("""{"run":{"base":null,"rows":"","settings":{}}}""")]
    [InlineData("""{"run":{"base":"","rows":""}}""")]
    [InlineData("""{"step":1,"step":2}""")]
    [InlineData("""{"step":1.5}""")]
    public void PositionThatLacksWhatIsRead_IsDamaged(string json) => Assert.Contains(
        "'position.json' is damaged",
        Assert.Throws<CheckpointException>(() => TrainingPosition.FromJson(json, "position.json")).Message);

    [Fact]
    public void Position_IsReadAsItWasWritten()
    {
        var position = new TrainingPosition
        {
            Step = 3,
            BestEvalLoss = 0.25,
            Run = new("b", "r", new Dictionary<string, string> { ["seed"] = "1" }),
        };
        Assert.Equal(position.ToJson(), TrainingPosition.FromJson(position.ToJson(), "position.json").ToJson());
    }
}
