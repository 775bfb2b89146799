using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Data;

public sealed class TransformersOrderTests
{
    [Fact]
    public void Batches_AreThoseOfTheTrainer()
    {
        using var rows = SafetensorsFile.Open(TestAssets.Golden("trainer", "dataset.safetensors"));
        int[] lengths =
        [
            .. Enumerable.Range(0, rows.Tensors.Count).Select(row => (int)rows.Tensors[$"{row}"].Shape[0]),
        ];
        var plan = new BatchPlan(
            lengths, new() { BatchSize = 4, AccumulationSteps = 2, Seed = 42, Sampler = RowSampler.Transformers });
        var batches = Enumerable.Range(0, 2)
            .SelectMany(
            epoch => Enumerable.Range(0, plan.StepsPerEpoch).SelectMany(step => plan.StepRows(epoch, step)));
        var expected = JsonNode.Parse(File.ReadAllText(TestAssets.Golden("trainer", "batch_lengths.json")))!.AsArray()
            .Select(batch => batch!.AsArray().Select(length => length!.GetValue<int>()).ToArray());
        Assert.Equal(expected, batches.Select(batch => batch.Select(row => lengths[row]).ToArray()));
    }

    // torch.randperm(12, generator=g) after g.manual_seed(7 + epoch)
    [Theory]
    [InlineData(0, new[] { 3, 4, 0, 5, 7, 9, 11, 6, 8, 1, 10, 2 })]
    [InlineData(1, new[] { 3, 10, 0, 6, 9, 4, 1, 7, 8, 2, 5, 11 })]
    public void Random_IsTheSeededPermutationOfTorch(int epoch, int[] expected) =>
        Assert.Equal(expected, TransformersOrder.Random(12, 7, epoch));

    // torch.manual_seed(42), then a DataLoader whose sampler draws torch.randperm(12) from the global generator
    [Theory]
    [InlineData(0, new[] { 4, 0, 8, 5, 2, 10, 3, 6, 7, 1, 9, 11 })]
    [InlineData(1, new[] { 4, 5, 7, 6, 3, 0, 8, 10, 11, 1, 9, 2 })]
    [InlineData(2, new[] { 7, 5, 4, 6, 0, 1, 11, 3, 2, 8, 10, 9 })]
    public void BeforeGrouping_FollowsTheGlobalGenerator(int epoch, int[] expected) =>
        Assert.Equal(expected, TransformersOrder.BeforeGrouping(12, 42, epoch));

    [Fact]
    public void GroupByLength_SortsThatPermutationInGroups()
    {
        int[] lengths = [.. Enumerable.Range(0, 12).Select(row => 10 + row)];
        var plan = new BatchPlan(
            lengths, new() { BatchSize = 1, Seed = 42, Sampler = RowSampler.Transformers, GroupByLength = true });
        var order = Enumerable.Range(0, 12).SelectMany(step => plan.StepRows(0, step)).SelectMany(rows => rows);

        // Groups of min(12 / 4, 50) = 3 rows, each from the longest down; the longest of all to the front.
        Assert.Equal([11, 4, 0, 10, 5, 2, 7, 6, 3, 8, 9, 1], order);
    }
}
