using Lorikeet.Data;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Tests.Optimized;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Evaluation;

public class ForgettingProbeTests
{
    private static readonly TrainingRow[] s_rows =
    [
        .. new[] { 5, 31, 2 }.Select((length, row) =>
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(i => (11 * i + 3 * row) % 96)];
            return new TrainingRow(ids, [.. ids.Select((id, i) => i % 3 == 2 ? TrainingRow.Ignored : id)]);
        }),
    ];

    [Fact]
    public void Sums_AreThoseOfAllProbabilitiesWrittenOut()
    {
        using var model = ModelFactory.Create(
            PassComparison.Small(), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None), seed: 3,
            deviation: 0.2);
        Adapter.Create(
            model,
            new LoraOptions { TargetModules = TargetModules.AllLinear, InitLoraWeights = LoraInitialisation.Random },
            seed: 1);
        var probe = new ForgettingProbe(model, s_rows);
        var measured = probe.Measure(0);

        var expected = new ForgettingSums();
        foreach (var row in s_rows)
        {
            var tuned = Distributions(model, row);
            double[][] before;
            using (model.WithoutAdapter())
                before = Distributions(model, row);
            for (var t = 1; t < row.Length; t++)
            {
                if (row.Labels[t] == TrainingRow.Ignored)
                    continue;
                var (q, p) = (tuned[t - 1], before[t - 1]);
                expected = new ForgettingSums(
                    expected.Loss - q[row.Labels[t]], expected.BaseLoss - p[row.Labels[t]],
                    expected.Divergence + p.Zip(q).Sum(pair => Math.Exp(pair.First) * (pair.First - pair.Second)));
            }
        }

        Assert.True(measured.Divergence > 0.1);
        Assert.Equal(expected.Loss, measured.Loss, 1e-4 * expected.Loss);
        Assert.Equal(expected.BaseLoss, measured.BaseLoss, 1e-4 * expected.BaseLoss);
        Assert.Equal(expected.Divergence, measured.Divergence, 1e-4 * expected.Divergence);
    }

    /// <summary>Logarithms of all probabilities after each token.</summary>
    private static double[][] Distributions(DecoderModel model, TrainingRow row)
    {
        using var logits = model.Forward(row.Ids, [0, row.Length]);
        return
        [
            .. logits.data<float>().ToArray().Select(logit => (double)logit).Chunk((int)logits.shape[1])
                .Select(line =>
                {
                    var most = line.Max();
                    var sum = most + Math.Log(line.Sum(logit => Math.Exp(logit - most)));
                    return line.Select(logit => logit - sum).ToArray();
                }),
        ];
    }
}
