using Lorikeet.Data;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Evaluation;

public sealed class ScorerTests : IDisposable
{
    private readonly DecoderModel _model = ModelLoader.Load(
        TestAssets.Golden("models", "gqa"), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));

    private readonly SafetensorsFile _expected = SafetensorsFile.Open(
        TestAssets.Golden("models", "gqa", "expected.safetensors"));

    public void Dispose()
    {
        _model.Dispose();
        _expected.Dispose();
    }

    [Fact]
    public void LossAndLogits_EqualTransformers_PaddingIncluded()
    {
        using var folder = new TemporaryFolder();
        var rows = Rows();
        IReadOnlyList<RowScore> scores;
        using (var file = new LogitsFile(folder["logits.safetensors"], rows, 320))
        {
            scores = new Scorer(_model).Score(rows, file.Receive);
            file.Save();
        }

        var labels = TensorAssert.Ids(_expected, "labels");
        var mask = TensorAssert.Ids(_expected, "attention_mask");
        Assert.Equal(
            labels.Where((label, i) => label != -100 && i % 48 > 0).Count(), scores.Sum(score => score.Targets));
        Assert.Equal(
            _expected.Span<float>("loss")[0],
            scores.Sum(score => score.SummedLoss) / scores.Sum(score => score.Targets), 1e-5);

        using var written = SafetensorsFile.Open(folder["logits.safetensors"]);
        Assert.Equal(["logits", "logits.0", "logits.1"], written.Tensors.Keys.Order());
        var wanted = _expected.Span<float>("logits").ToArray();
        var actual = written.Span<float>("logits").ToArray();
        for (var i = 0; i < actual.Length; i++)
            Assert.Equal(mask[i / 320] == 1 ? wanted[i] : 0, actual[i], 1e-4f);
        Assert.Equal(actual[^(48 * 320)..], written.Span<float>("logits.1").ToArray());
    }

    [Fact]
    public void LogProbabilities_AreThoseOfTheLogits()
    {
        using var scope = NewDisposeScope();
        var row = Rows()[0];
        var score = new Scorer(_model).Score([row])[0];
        var distribution = _model.Forward(row.Ids, [0, row.Ids.Length]).log_softmax(1);
        Assert.Null(score.LogProbabilities[0]);
        for (var t = 1; t < row.Ids.Length; t++)
            Assert.Equal(distribution[t - 1, row.Ids[t]].item<float>(), score.LogProbabilities[t]!.Value, 1e-5f);
    }

    [Fact]
    public void Rows_ScoreTheSameInAnyCompany()
    {
        var ids = TensorAssert.Ids(_expected, "input_ids");
        var rows = Enumerable.Range(0, 120).Select(i => new RowToScore(ids[(i % 40)..(i % 40 + 1 + i % 50)])).ToArray();
        var together = new Scorer(_model).Score(rows);
        for (var i = 0; i < rows.Length; i += 17)
        {
            var alone = new Scorer(_model).Score([rows[i]])[0];
            Assert.Equal(alone.SummedLoss, together[i].SummedLoss, 1e-3);
            Assert.Equal(rows[i].Ids.Length - 1, alone.Targets);
        }
    }

    [Fact]
    public void PaddingBeforeTheTokens_IsNotRead()
    {
        int[] ids = [5, 9, 200, 31, 4];
        var plain = new Scorer(_model).Score([new RowToScore(ids)])[0];
        var padded = new Scorer(_model).Score([new RowToScore([0, 0, .. ids, 0], mask: [0, 0, 1, 1, 1, 1, 1, 0])])[0];
        Assert.Equal(plain.SummedLoss, padded.SummedLoss, 1e-5);
        Assert.Equal([null, null, .. plain.LogProbabilities, null], padded.LogProbabilities);
    }

    [Fact]
    public void RowOfOneToken_HasNoLoss()
    {
        var score = new Scorer(_model).Score([new RowToScore([7])])[0];
        Assert.Equal((0, null, null), (score.Targets, score.Loss, score.Perplexity));
    }

    [Fact]
    public void ListsOfDifferentLength_AreAnError() =>
        Assert.Contains(
            "3 labels", Assert.Throws<DatasetException>(() => { _ = new RowToScore([1, 2], [1, 2, 3]); }).Message);

    private RowToScore[] Rows()
    {
        var ids = TensorAssert.Ids(_expected, "input_ids");
        var labels = TensorAssert.Ids(_expected, "labels");
        var mask = TensorAssert.Ids(_expected, "attention_mask");
        return
        [
            new RowToScore(ids[..48], labels[..48], mask[..48]), new RowToScore(ids[48..], labels[48..], mask[48..]),
        ];
    }
}
