using System.Diagnostics;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Evaluation;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>Measures at every evaluation what its loss does not say: answers, forgetting.</summary>
internal sealed class EvaluationMeasures
{
    private readonly MeasuredRows _rows;
    private readonly DecoderModel _model;
    private readonly Communicator _ranks;
    private readonly RankedAnswers _asking;
    private readonly ForgettingProbe? _probe;
    private readonly Action _beforePass;

    /// <param name="run">The run.</param>
    /// <param name="model">Its model, what is trained attached.</param>
    /// <param name="observer">Receives how far answers are.</param>
    /// <param name="beforePass">Called between two batches, when nothing of the model is in use.</param>
    public EvaluationMeasures(PreparedRun run, DecoderModel model, ITrainingObserver observer, Action beforePass)
    {
        (_rows, _model, _beforePass) = (run.Measured, model, beforePass);
        // Ranks that bring the layers together make the same passes.
        _ranks = model.IsSharded ? Communicator.Alone : run.Ranks;
        _asking = new RankedAnswers(run, observer, beforePass, run.Options.Evaluation.MaxNewTokens);
        _probe = _rows.Probe.Count > 0 ? new ForgettingProbe(model, _rows.Probe) : null;
    }

    /// <summary>An evaluation with all that is measured.</summary>
    public EvaluationMetrics Complete(EvaluationMetrics evaluation) =>
        evaluation with { Answers = Answers(), Probe = Probe() };

    private AnswerMetrics? Answers()
    {
        if (_rows.Questions.Count == 0)
            return null;
        var clock = Stopwatch.StartNew();
        var answers = _asking.Ask(_model, [.. _rows.Questions.Select(question => question.PromptIds)]);
        double Mean(Func<string, IReadOnlyCollection<string>, double> score) =>
            answers.Zip(_rows.Questions).Average(pair => score(pair.First, [.. pair.Second.Answers]));
        return new AnswerMetrics(
            answers.Count, Mean((answer, known) => SquadMetrics.ExactMatch(answer, known) ? 1 : 0),
            Mean(SquadMetrics.F1), Mean((answer, known) => RougeL.Score(answer, known).FMeasure),
            clock.Elapsed.TotalSeconds);
    }

    private ProbeMetrics? Probe()
    {
        if (_probe is null)
            return null;
        var clock = Stopwatch.StartNew();
        Span<double> sums = [0, 0, 0];
        for (var batch = _ranks.Rank; batch < _probe.Batches; batch += _ranks.Size)
        {
            _beforePass();
            var (loss, baseLoss, divergence) = _probe.Measure(batch);
            (sums[0], sums[1], sums[2]) = (sums[0] + loss, sums[1] + baseLoss, sums[2] + divergence);
        }

        _ranks.Sum(sums);
        var targets = _probe.Targets;
        return new ProbeMetrics(
            sums[0] / targets, sums[1] / targets, sums[2] / targets, targets, clock.Elapsed.TotalSeconds);
    }
}
