using Lorikeet.Data;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Rollouts;

namespace Lorikeet.Tests.Rollouts;

public sealed class RolloutFileTests
{
    private const string Groups = """
        {"prompt_ids": [7, 8], "completions": [[1, 2], [3]], "rewards": [1, 0.5]}
        {"prompt_ids": [9], "completions": [[4], [5, 6]], "rewards": [-1, 0]}
        """;

    [Theory]
    [InlineData("rollouts.jsonl")]
    [InlineData("rollouts.json")]
    public void File_OfLinesOrAnArray_IsRead(string name)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, name);
        File.WriteAllText(path, name.EndsWith('n') ? $"[{Groups.ReplaceLineEndings(",")}]" : Groups + "\n");

        var groups = RolloutFile.Read(path);

        Assert.Equal([7, 8], groups[0].PromptIds);
        Assert.Equal([4], groups[1].Rollouts[0].Ids);
        Assert.Equal([1, 0.5, -1, 0], groups.SelectMany(group => group.Rollouts).Select(rollout => rollout.Reward));
        var row = RolloutFile.Rows(groups).First();
        Assert.Equal([7, 8, 1, 2], row.Ids);
        Assert.Equal([TrainingRow.Ignored, TrainingRow.Ignored, 1, 2], row.Labels);
    }

    [Theory]
    [InlineData("""[]""", "no group")]
    [InlineData("""[{"prompt_ids": [1], "completions": [[1]], "rewards": [1]}]""", "rewards")]
    [InlineData("""[{"prompt_ids": [], "completions": [[1], [2]], "rewards": [1, 2]}]""", "prompt_ids")]
    [InlineData("""[{"prompt_ids": [1], "completions": [[1], []], "rewards": [1, 2]}]""", "completions[1]")]
    [InlineData("""[{"prompt_ids": [1], "completions": [[1], [2]], "rewards": [1, NaN]}]""", "rewards[1]")]
    public void File_OfSomethingElse_IsRefusedWithItsPlace(string text, string place)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "rollouts.json");
        File.WriteAllText(path, text);

        var fault = Assert.Throws<DatasetException>(() => RolloutFile.Read(path));

        Assert.Contains(place, fault.Message);
        Assert.Contains("rollouts.json", fault.Message);
    }

    [Fact]
    public void Round_IsTheSameAfterACheckpoint()
    {
        using var folder = new TemporaryFolder();
        var options = new RewardOptions();
        var round = new RolloutRound(
            3,
            [
                new([7],
                [
                    new([1, 2], 0.1) { Scores = [0.1, double.NaN], Text = "à", IsTruncated = true }, new([3], 2),
                ]),
            ], options)
        {
            Reference = [[-0.1f, -1e-8f], [-3.4028235e38f]],
        };
        round.Before[1] = [-0.33333334f];
        var path = Path.Combine(folder.Path, RolloutState.FileName);

        RolloutState.Write(round, path);
        var read = RolloutState.Read(path, options);

        Assert.Equal(3, read.Number);
        Assert.Equal(round.AdvantageOf, read.AdvantageOf);
        Assert.Equal(round.Reference, read.Reference);
        Assert.Equal(round.Before, read.Before);
        Assert.Equal(round.Rollouts[0].Scores, read.Rollouts[0].Scores);
        Assert.Equal(("à", true), (read.Rollouts[0].Text, read.Rollouts[0].IsTruncated));
    }
}
