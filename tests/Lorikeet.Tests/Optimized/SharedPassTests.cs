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
    private static readonly Member[] s_mixed =
    [
        new(Form(4), [23, 1, 40]),
        new(Form(7) with { TargetModules = TargetModules.Named("q_proj", "v_proj", "down_proj"), Alpha = 3 }, [7, 90]),
        new(Form(4) with { Dropout = 0.2, UseRsLora = true }, [33]),
        new(Form(2) with { TargetModules = TargetModules.Named("o_proj", "lm_head"), Dropout = 0.1 }, [5, 5, 64, 3]),
        new(Form(3) with { UseDora = true }, [11, 30]),
    ];

    // Of one rank and with as many tokens each, in rows of their own: their products are stacked.
    private static readonly Member[] s_alike =
    [
        new(Form(4), [20, 30]),
        new(Form(4) with { Alpha = 3, TargetModules = TargetModules.Named("q_proj", "k_proj", "v_proj") }, [20, 30]),
        new(Form(4) with { UseRsLora = true }, [20, 30]),
        new(Form(4), [20, 30]),
    ];

    [Theory]
    [InlineData(false, Checkpointing.None)]
    [InlineData(true, Checkpointing.None)]
    [InlineData(true, Checkpointing.Full)]
    public void Adapters_LearnTogetherWhatEachLearnsAlone(bool optimized, Checkpointing checkpointing) =>
        RequireEqual(s_mixed, QuantizationSettings.None, optimized, checkpointing);

    [Theory]
    [InlineData(Checkpointing.None)]
    [InlineData(Checkpointing.Full)]
    public void AdaptersOfOneRank_LearnTogetherWhatEachLearnsAlone(Checkpointing checkpointing) =>
        RequireEqual(s_alike, QuantizationSettings.None, optimized: true, checkpointing);

    [Fact]
    public void AdaptersOnFourBits_LearnTogetherWhatEachLearnsAlone()
    {
        var quantization = new QuantizationSettings(QuantizationKind.Nf4, true);
        RequireEqual(s_mixed, quantization, optimized: true, Checkpointing.Full);
        RequireEqual(s_alike, quantization, optimized: true, Checkpointing.Full);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AdapterThatBreaks_LeavesTheOthersAlone(bool alike)
    {
        var members = (alike ? s_alike : s_mixed)[..3];
        using var together = Load(QuantizationSettings.None);
        var sound = Run(together, members, new TrainingPassOptions(), broken: null);
        using var again = Load(QuantizationSettings.None);
        var beside = Run(again, members, new TrainingPassOptions(), broken: 1);

        Assert.True(double.IsNaN(beside[1].Loss));
        foreach (var i in new[] { 0, 2 })
            RequireClose(sound[i], beside[i], $"adapter {i}");
    }

    private static void RequireEqual(
        Member[] members, QuantizationSettings quantization, bool optimized, Checkpointing checkpointing)
    {
        var options = new TrainingPassOptions { Optimized = optimized, Checkpointing = checkpointing };
        using var shared = Load(quantization);
        var together = Run(shared, members, options, broken: null);
        for (var i = 0; i < members.Length; i++)
        {
            using var own = Load(quantization);
            RequireClose(Alone(own, members[i], i, options), together[i], $"adapter {i}");
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
        DecoderModel model, Member[] members, TrainingPassOptions options, int? broken)
    {
        List<(Adapter Adapter, Gradients Gradients)> attached = [.. members.Select((own, i) => Attach(model, own, i))];
        if (broken is { } bad)
        {
            using var quiet = no_grad();
            attached[bad].Adapter.Parameters[0].Value.Fill(double.NaN);
        }

        using var pass = new SharedPass(model, [.. attached.Select(member => (member.Adapter, options))]);
        var losses = new double[members.Length];
        for (var step = 0; step < 2; step++)
        {
            var sums = pass.Run(
                [.. members.Select((own, i) => new AdapterBatch(i, Rows(own, i, step), 0.01, Key(i, step)))]);
            for (var i = 0; i < losses.Length; i++)
                losses[i] += sums[i];
        }

        return [.. attached.Select((member, i) => (
            losses[i], pass.Evaluate(i, Rows(members[i], i, 0)), member.Gradients.All.data<float>().ToArray()))];
    }

    private static (double Loss, double Score, float[] Gradient) Alone(
        DecoderModel model, Member member, int place, TrainingPassOptions options)
    {
        var (_, gradients) = Attach(model, member, place);
        using var pass = TrainingPasses.Create(model, options);
        var loss = 0.0;
        for (var step = 0; step < 2; step++)
            loss += pass.Run(Rows(member, place, step), 0.01, Key(place, step));
        return (loss, pass.Evaluate(Rows(member, place, 0)), gradients.All.data<float>().ToArray());
    }

    private static DecoderModel Load(QuantizationSettings quantization) => ModelFactory.Create(
        PassComparison.Small(keyValueHeads: 4) with { QueryKeyValueBias = true },
        new LoadSettings(ScalarType.Float32, CPU, quantization), seed: 5, deviation: 0.1);

    private static (Adapter Adapter, Gradients Gradients) Attach(DecoderModel model, Member member, int place)
    {
        var adapter = Adapter.Create(model, member.Options, (ulong)place, $"{place}");
        return (adapter, new Gradients(adapter.Parameters));
    }

    private static PassKey Key(int place, int step) => new((ulong)(place + 1), step, 0);

    private static Batch Rows(Member member, int place, int step) => Batch.FromRows(
    [
        .. member.Lengths.Skip(step).Append(9).Select((length, row) =>
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(i => (7 * i + 13 * row + 5 * place + step) % 96)];
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

    private sealed record Member(LoraOptions Options, int[] Lengths);
}
