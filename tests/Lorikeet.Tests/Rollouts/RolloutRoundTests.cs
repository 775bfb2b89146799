using Lorikeet.Training;
using Lorikeet.Training.Rollouts;

namespace Lorikeet.Tests.Rollouts;

/// <summary>How the answers of a round become batches.</summary>
public sealed class RolloutRoundTests
{
    [Fact]
    public void AnswersToAQuestion_ShareIt()
    {
        var round = Round(questions: 20, answers: 6);
        var batch = round.BatchOf([0, 2, 4, 5, 6]); // of groups 0, 0, 1, 1, 2
        Assert.Equal([0, 20, 0, 20, 0], batch.SharedPrefixes!);
        Assert.Equal([0, 26, 32, 58, 64, 90], batch.SegmentStarts);
        Assert.Equal(5 * 6, batch.TargetCount);
        Assert.Equal(round.Rows[2].Ids[20..], batch.Ids[26..32]);
    }

    [Fact]
    public void ShortQuestions_AreRepeated()
    {
        var batch = Round(questions: 3, answers: 40).BatchOf([0, 1, 2]);
        Assert.Null(batch.SharedPrefixes);
        Assert.Equal(3 * 43, batch.TokenCount);
    }

    private static RolloutRound Round(int questions, int answers) => new(
        0,
        [
            .. Enumerable.Range(0, 3).Select(group => new RolloutGroup(
                [.. Enumerable.Range(group, questions)],
                [.. Enumerable.Range(0, 3).Select(answer => new Rollout(
                    [.. Enumerable.Range(50 + answer, answers)], answer))])),
        ],
        new RewardOptions());
}
