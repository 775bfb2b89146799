using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Several adapters in one pass: each has the losses and gradients that it has alone.</summary>
[Collection(CudaTestBase.Collection)]
public class SharedPassTests
{
    // Ranks, modules, dropout and variants differ; the last has a pass of its own, and so has none on the reference.
    private static readonly LoraOptions[] s_forms =
    [
        Form(4),
        Form(7) with { TargetModules = TargetModules.Named("q_proj", "v_proj", "down_proj"), Alpha = 3 },
        Form(4) with { Dropout = 0.2, UseRsLora = true },
        Form(2) with { TargetModules = TargetModules.Named("o_proj", "lm_head"), Dropout = 0.1 },
        Form(3) with { UseDora = true },
    ];

    private static readonly int[][] s_lengths = [[23, 1, 40], [7, 90], [33], [5, 5, 64, 3], [11, 30]];

    [Theory]
    [InlineData(false, Checkpointing.None)]
    [InlineData(true, Checkpointing.None)]
    [InlineData(true, Checkpointing.Full)]
    public void Adapters_LearnTogetherWhatEachLearnsAlone(bool optimized, Checkpointing checkpointing) =>
        RequireEqual(QuantizationSettings.None, optimized, checkpointing);

    [Fact]
    public void AdaptersOnFourBits_LearnTogetherWhatEachLearnsAlone() =>
        RequireEqual(new QuantizationSettings(QuantizationKind.Nf4, true), true, Checkpointing.Full);

    [Fact]
    public void AdapterThatBreaks_LeavesTheOthersAlone()
    {
        using var together = Load(QuantizationSettings.None);
        var sound = Run(together, Enumerable.Range(0, 3), new TrainingPassOptions(), broken: null);
        using var again = Load(QuantizationSettings.None);
        var beside = Run(again, Enumerable.Range(0, 3), new TrainingPassOptions(), broken: 1);

        Assert.True(double.IsNaN(beside[1].Loss));
        foreach (var i in new[] { 0, 2 })
            RequireClose(sound[i], beside[i], $"adapter {i}");
    }

    private static void RequireEqual(
        QuantizationSettings quantization, bool optimized, Checkpointing checkpointing)
    {
        var options = new TrainingPassOptions { Optimized = optimized, Checkpointing = checkpointing };
        using var shared = Load(quantization);
        var together = Run(shared, Enumerable.Range(0, s_forms.Length), options, broken: null);
        for (var i = 0; i < s_forms.Length; i++)
        {
            using var own = Load(quantization);
            RequireClose(Alone(own, i, options), together[i], $"adapter {i}");
        }
    }

    private static void RequireClose(
        (double Loss, double Score, float[] Gradient) expected, (double Loss, double Score, float[] Gradient) actual,
        string what)
    {
        Assert.Equal(expected.Loss, actual.Loss, 1e-6 * expected.Loss);
        Assert.Equal(expected.Score, actual.Score, 1e-6 * expected.Score);
        var (error, size) = (
            Math.Sqrt(expected.Gradient.Zip(actual.Gradient).Sum(pair => Math.Pow(pair.First - pair.Second, 2))),
            Math.Sqrt(expected.Gradient.Sum(value => Math.Pow(value, 2))));
        Assert.True(size > 0, $"{what} has a gradient of zero");
        Assert.True(error <= 1e-5 * size, $"{what}: the gradient is off by {error / size:G3}");
    }

    /// <summary>Two steps of some adapters together, with a number each of which is one more than its place.</summary>
    private static (double Loss, double Score, float[] Gradient)[] Run(
        DecoderModel model, IEnumerable<int> forms, TrainingPassOptions options, int? broken)
    {
        List<(Adapter Adapter, Gradients Gradients)> members = [.. forms.Select(form => Attach(model, form))];
        if (broken is { } bad)
        {
            using var quiet = no_grad();
            members[bad].Adapter.Parameters[0].Value.Fill(double.NaN);
        }

        using var pass = new SharedPass(model, [.. members.Select(member => (member.Adapter, options))]);
        var losses = new double[members.Count];
        for (var step = 0; step < 2; step++)
        {
            var sums = pass.Run([.. members.Select((_, i) => new AdapterBatch(i, Rows(i, step), 0.01, Key(i, step)))]);
            for (var i = 0; i < losses.Length; i++)
                losses[i] += sums[i];
        }

        return [.. members.Select((member, i) => (
            losses[i], pass.Evaluate(i, Rows(i, 0)), member.Gradients.All.data<float>().ToArray()))];
    }

    private static (double Loss, double Score, float[] Gradient) Alone(
        DecoderModel model, int form, TrainingPassOptions options)
    {
        var (_, gradients) = Attach(model, form);
        using var pass = TrainingPasses.Create(model, options);
        var loss = 0.0;
        for (var step = 0; step < 2; step++)
            loss += pass.Run(Rows(form, step), 0.01, Key(form, step));
        return (loss, pass.Evaluate(Rows(form, 0)), gradients.All.data<float>().ToArray());
    }

    private static DecoderModel Load(QuantizationSettings quantization) => ModelFactory.Create(
        PassComparison.Small(keyValueHeads: 4) with { QueryKeyValueBias = true },
        new LoadSettings(ScalarType.Float32, CPU, quantization), seed: 5, deviation: 0.1);

    private static (Adapter Adapter, Gradients Gradients) Attach(DecoderModel model, int form)
    {
        var adapter = Adapter.Create(model, s_forms[form], (ulong)form, $"{form}");
        return (adapter, new Gradients(adapter.Parameters));
    }

    private static PassKey Key(int form, int step) => new((ulong)(form + 1), step, 0);

    private static Batch Rows(int form, int step) => Batch.FromRows(
    [
        .. s_lengths[form].Skip(step).Append(9).Select((length, row) =>
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(i => (7 * i + 13 * row + 5 * form + step) % 96)];
            return new TrainingRow(ids, ids);
        }),
    ]);

    private static LoraOptions Form(int rank) => new()
    {
        Rank = rank,
        Alpha = 8,
        Dropout = 0,
        TargetModules = TargetModules.AllLinear,
        InitLoraWeights = LoraInitialisation.Random,
    };
}
