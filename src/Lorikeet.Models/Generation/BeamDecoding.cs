using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Runs the beam searches of a batch of prompts; all beams of all prompts go through the model together.
/// </summary>
internal sealed class BeamDecoding(DecoderModel model, GenerationOptions options)
{
    private readonly int _vocabulary = model.Config.VocabularySize;
    private readonly LogitsPipeline _pipeline = new(options, model.Config.VocabularySize);
    private readonly float[] _scratch = new float[model.Config.VocabularySize];

    /// <summary>Searches until the best continuation of each prompt is known.</summary>
    public void Run(IReadOnlyList<BeamRow> rows, CancellationToken cancellation)
    {
        using var cache = model.CreateCache(
            rows.Count, rows.Max(row => row.PromptLength) + rows.Max(row => row.NewTokens));
        var logits = model.Prefill([.. rows.Select(row => row.Ids(0))], cache);

        // At first the beams of a prompt are copies of its one row; the search gives all but one no chance.
        cache.Reorder([.. Enumerable.Range(0, rows.Count).SelectMany(row => Enumerable.Repeat(row, options.Beams))]);
        logits = Replace(logits, logits.repeat_interleave(options.Beams, 0));

        var active = rows.ToList();
        while (true)
        {
            var sources = Step(logits, active);
            active.RemoveAll(row => row.Search.IsDone);
            if (active.Count == 0 || cancellation.IsCancellationRequested)
                break;
            cache.Reorder(sources);
            var last = active.SelectMany(row => row.Search.Running.Select(beam => beam.Tokens[^1])).ToArray();
            logits = Replace(logits, model.Decode(last, cache));
        }

        logits.Dispose();
    }

    /// <summary>
    /// Moves the searches on by a token; returns the cache rows that the beams of those not done continue.
    /// </summary>
    private List<int> Step(Tensor logits, List<BeamRow> rows)
    {
        using var scope = NewDisposeScope();
        var host = logits.cpu().contiguous();
        var values = TensorMemory.Span<float>(host); // [prompts · beams, vocabulary]
        var sources = new List<int>();
        for (var i = 0; i < rows.Count; i++)
        {
            var firstBeam = i * options.Beams;
            var beams = values.Slice(firstBeam * _vocabulary, options.Beams * _vocabulary);
            for (var beam = 0; beam < options.Beams; beam++)
            {
                // Penalties act on log-probabilities here, as in the reference.
                var row = beams.Slice(beam * _vocabulary, _vocabulary);
                LogitsMath.LogSoftmax(row, _scratch);
                _pipeline.Apply(rows[i].Ids(beam), rows[i].PromptLength, row);
            }

            var continued = rows[i].Search.Step(beams);
            if (!rows[i].Search.IsDone)
                sources.AddRange(continued.Select(beam => firstBeam + beam));
        }

        return sources;
    }

    private static Tensor Replace(Tensor old, Tensor replacement)
    {
        old.Dispose();
        return replacement;
    }
}
