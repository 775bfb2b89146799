using Lorikeet.Configuration;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Options;

/// <summary>Options of a method that would give a worthless run are refused, and those that do nothing named.</summary>
public sealed class ObjectiveCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("loss_type: hinge", "method is sft. Expected nll. Pairs are learned from by method dpo.")]
    [InlineData("method: orpo\nloss_type: ipo", "method is orpo. Expected no loss_type")]
    [InlineData("method: dpo\nloss_type: [sigmoid, ipo]\nloss_weights: [1]", "has 1 numbers, and loss_type 2 forms")]
    [InlineData("method: dpo\nloss_type: sft", "is sft alone, which compares nothing")]
    [InlineData("method: dpo\nbeta: 0", "prefers nothing")]
    [InlineData("method: dpo\nfinetuning_type: full", "Set precompute_ref_log_probs")]
    [InlineData("method: kto\nper_device_train_batch_size: 1", "Expected at least 2")]
    [InlineData("method: dpo\ncontext_parallel_size: 2", "needs the tokens of an answer in one process")]
    [InlineData("method: orpo\nauto_find_batch_size: true", "depends on the division")]
    [InlineData("method: dpo\ntrain_on: all", "which judges answers")]
    public void WhatContradicts_IsRefused(string lines, string expected) =>
        Assert.Contains(expected, Assert.Throws<ConfigurationException>(() => Resolve(lines)).Message);

    [Theory]
    [InlineData("beta: 0.2", "method is sft")]
    [InlineData("method: dpo\nlabel_smoothing: 0.1", "is of loss_type robust")]
    [InlineData("method: orpo\nprecompute_ref_log_probs: true", "asks no base")]
    [InlineData("method: dpo\ndesirable_weight: 2", "it is of kto")]
    public void WhatDoesNothing_IsNamed(string lines, string expected) =>
        Assert.Contains(Resolve(lines).Warnings, warning => warning.Contains(expected));

    private ResolvedOptions Resolve(string lines)
    {
        var path = _folder["run.yaml"];
        File.WriteAllText(path, $"model: owner/base\ndataset: owner/rows\n{lines}\n");
        return OptionsResolver.Resolve(path, []);
    }
}
