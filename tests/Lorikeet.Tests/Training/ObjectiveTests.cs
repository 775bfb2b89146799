using Lorikeet.Data;
using Lorikeet.Models.Native;
using Lorikeet.Training;
using Lorikeet.Training.Objectives;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Lorikeet.Tests.Training;

/// <summary>Losses of answers and their derivatives, held to autograd over TRL's formulas.</summary>
public class ObjectiveTests
{
    private const double Beta = 0.3;

    private static readonly IReadOnlyList<TrainingRow> s_pairs = [Pair(3, 4, 6), Pair(2, 7, 2), Pair(5, 3, 3)];

    private static readonly IReadOnlyList<TrainingRow> s_labelled =
        [Labelled(3, 4, true), Labelled(2, 6, false), Labelled(4, 3, true), Labelled(2, 2, true)];

    [Theory]
    [InlineData("sigmoid")]
    [InlineData("hinge")]
    [InlineData("ipo")]
    [InlineData("robust")]
    [InlineData("apo_zero")]
    [InlineData("apo_down")]
    [InlineData("sigmoid+sft")]
    [InlineData("ipo+hinge+sft")]
    public void PairLosses_AreThoseOfAutograd(string forms)
    {
        const double smoothing = 0.2;
        var types = forms.Split('+').Select((form, i) => (
            Enum.Parse<LossType>(form.Replace("_", ""), ignoreCase: true), 1.0 - 0.3 * i)).ToArray();
        var batch = AnswerBatch.Of(s_pairs);
        Check(new PairObjective(types, Beta, smoothing), batch, (tokens, reference) =>
        {
            var total = zeros(1, ScalarType.Float64);
            var (start, wanted) = (0, new List<Tensor>());
            for (var i = 0; i < batch.Answers.Count; i += 2)
            {
                var (own, other) = (Of(i), Of(i + 1));
                wanted.Add(own);
                var (c, r) = (own.sum().Plus(-reference[i]), other.sum().Plus(-reference[i + 1]));
                foreach (var (type, weight) in types)
                    total = total.Plus(LossOf(type, c, r, own.shape[0], other.shape[0]), weight / 3);
            }

            foreach (var (type, weight) in types)
                total = type == LossType.Sft ? total.Plus(cat([.. wanted]).mean(), -weight) : total;
            return total;

            Tensor Of(int answer)
            {
                var part = tokens.narrow(0, start, batch.Answers[answer].Tokens);
                start += batch.Answers[answer].Tokens;
                return part;
            }
        });

        static Tensor LossOf(LossType type, Tensor c, Tensor r, long chosen, long rejected)
        {
            var margin = (c - r).Times(Beta);
            return type switch
            {
                LossType.Sigmoid => -logsigmoid(margin),
                LossType.Hinge => relu(OneMinus(margin)),
                LossType.Ipo => Square((c.Over(chosen) - r.Over(rejected)).Plus(-1 / (2 * Beta))),
                LossType.Robust => logsigmoid(margin).Times(smoothing - 1).Plus(logsigmoid(-margin), smoothing)
                    .Over(1 - 2 * smoothing),
                LossType.ApoZero => OneMinus(c.Times(Beta).sigmoid()).Plus(r.Times(Beta).sigmoid()),
                LossType.ApoDown => c.Times(Beta).sigmoid().Plus(OneMinus(margin.sigmoid())),
                _ => zeros(1, ScalarType.Float64),
            };
        }
    }

    [Fact]
    public void OddsRatio_IsThatOfAutograd()
    {
        var batch = AnswerBatch.Of(s_pairs, learnsPrompts: true);
        Assert.Equal(s_pairs.Sum(row => row.Preference!.RejectedStart!.Value - 1), batch.WantedTargets);
        Check(new OddsRatioObjective(Beta), batch, (tokens, _) =>
        {
            var (start, texts, ratios) = (0, new List<Tensor>(), new List<Tensor>());
            foreach (var row in s_pairs)
            {
                var (prompt, chosen) = (row.Preference!.PromptLength, row.Preference.RejectedStart!.Value);
                var text = tokens.narrow(0, start, chosen - 1);
                var rejected = tokens.narrow(0, start + chosen - 1, row.Length - chosen - prompt);
                start += row.Length - prompt - 1;
                texts.Add(text);
                var (c, r) = (text[TensorIndex.Slice(prompt - 1)].mean(), rejected.mean());
                ratios.Add(logsigmoid(c - r - (OneMinus(c.exp()).log() - OneMinus(r.exp()).log())));
            }

            return (-cat([.. texts]).mean()).Plus(stack([.. ratios]).mean(), -Beta);
        });
    }

    [Fact]
    public void Desirability_IsThatOfAutograd()
    {
        const double divergence = 0.4;
        var batch = AnswerBatch.Of(s_labelled);
        Check(new DesirabilityObjective(Beta, 0.8, 1.2), batch, (tokens, reference) =>
        {
            var (start, losses) = (0, new List<Tensor>());
            for (var i = 0; i < batch.Answers.Count; i++)
            {
                var ratio = tokens.narrow(0, start, batch.Answers[i].Tokens).sum().Plus(-reference[i]);
                start += batch.Answers[i].Tokens;
                losses.Add(batch.Answers[i].IsWanted
                    ? OneMinus(ratio.Plus(-divergence).Times(Beta).sigmoid()).Times(0.8)
                    : OneMinus(ratio.Plus(-divergence).Times(-Beta).sigmoid()).Times(1.2));
            }

            return stack([.. losses]).mean();
        }, divergence);
    }

    /// <summary>Of two equal rewards neither is right.</summary>
    [Fact]
    public void Metrics_AreMeans_AndTiesCountHalf()
    {
        var metrics = new MetricSums(new PairObjective([(LossType.Sigmoid, 1)], Beta, 0).Metrics);
        metrics.AddPair(1, 0);
        metrics.AddPair(1, 1);
        metrics.AddAnswer(true, 2, -5);
        metrics.AddAnswer(true, 4, -7);
        metrics.AddAnswer(false, 1, -9);
        var means = metrics.Means();
        Assert.Equal(0.75, means["rewards/accuracies"]);
        Assert.Equal((3, 1, 2), (means["rewards/chosen"], means["rewards/rejected"], means["rewards/margins"]));
        Assert.Equal((-6, -9), (means["logps/chosen"], means["logps/rejected"]));
    }

    private static Tensor Square(Tensor value) => value * value;

    private static Tensor OneMinus(Tensor value) => (-value).Plus(1);

    private static void Check(
        IAnswerObjective objective, AnswerBatch batch, Func<Tensor, double[], Tensor> expected, double divergence = 0)
    {
        using var scope = NewDisposeScope();
        var random = new Random(3);
        float[] tokens = [.. Enumerable.Range(0, batch.Batch.TargetCount).Select(_ => -0.1f - random.NextSingle())];
        double[] reference = [.. batch.Answers.Select(answer => -0.6 * answer.Tokens - random.NextDouble())];
        var value = objective.Judge(new AnswerScores(batch, tokens, reference, divergence), null);

        var leaf = tensor(tokens).to_type(ScalarType.Float64).requires_grad_();
        var loss = expected(leaf, reference);
        loss.backward();
        Assert.Equal(loss.item<double>(), value.Loss, 1e-6);
        var slopes = batch.Derivatives(value, 0.5);
        foreach (var (wanted, found) in leaf.grad!.data<double>().Zip(slopes))
            Assert.Equal(0.5 * wanted, found, 1e-6);
    }

    private static TrainingRow Pair(int prompt, int chosen, int rejected)
    {
        var (first, second) = (Text(prompt, chosen, 10), Text(prompt, rejected, 30));
        return new TrainingRow([.. first.Ids, .. second.Ids], [.. first.Labels, .. second.Labels])
        {
            Preference = new RowPreference(prompt, prompt + chosen, true),
        };
    }

    private static TrainingRow Labelled(int prompt, int answer, bool isWanted) =>
        Text(prompt, answer, 10) with { Preference = new RowPreference(prompt, null, isWanted) };

    private static TrainingRow Text(int prompt, int answer, int id) => new(
        [.. Enumerable.Repeat(1, prompt), .. Enumerable.Range(id, answer)],
        [.. Enumerable.Repeat(TrainingRow.Ignored, prompt), .. Enumerable.Range(id, answer)]);
}
