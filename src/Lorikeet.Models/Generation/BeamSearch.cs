namespace Lorikeet.Models.Generation;

/// <summary>Beam search over the continuations of one prompt, fed with log-probabilities step by step.</summary>
/// <remarks>
/// Reference: <c>_beam_search</c> in transformers <c>generation/utils.py</c> (5.x): scores are float32 sums of
/// log-probabilities; only candidates among the best <c>num_beams</c> may finish; a finished score is divided by
/// length^length_penalty, the length counting added tokens only.
/// </remarks>
internal sealed class BeamSearch
{
    /// <summary>
    /// Score of places not taken yet, and of candidates that may not be chosen (the reference's -1e9).
    /// </summary>
    private const float Impossible = -1e9f;

    private readonly GenerationOptions _options;
    private readonly int _maxNewTokens;
    private readonly Func<int[], bool> _ends;
    private Beam[] _running;
    private Beam[] _finished = [];

    /// <summary>Starts a search with no token added yet.</summary>
    /// <param name="options">Number of beams, length penalty, early stopping.</param>
    /// <param name="maxNewTokens">Length at which every sequence ends.</param>
    /// <param name="ends">Whether a sequence of added tokens ends with its last one (end token or stop string).</param>
    public BeamSearch(GenerationOptions options, int maxNewTokens, Func<int[], bool> ends)
    {
        (_options, _maxNewTokens, _ends) = (options, maxNewTokens, ends);
        _running = [new Beam([], 0), .. Enumerable.Repeat(new Beam([], Impossible), options.Beams - 1)];
    }

    /// <summary>The running sequences, best first; always as many as beams.</summary>
    public IReadOnlyList<Beam> Running => _running;

    /// <summary>Whether the best sequence is known.</summary>
    public bool IsDone { get; private set; }

    /// <summary>
    /// The best finished sequence, its score normalised by length; before any has finished, the best running.
    /// </summary>
    public Beam Best => _finished.Length > 0 ? _finished[0] : _running[0];

    /// <summary>Extends every running sequence by one token.</summary>
    /// <param name="logProbabilities">
    /// [beams, vocabulary], row-major, one row for each of <see cref="Running"/>.
    /// </param>
    /// <returns>For each new running sequence, the index of the old one it continues.</returns>
    public int[] Step(ReadOnlySpan<float> logProbabilities)
    {
        var beams = _options.Beams;
        var vocabulary = logProbabilities.Length / beams;
        var candidates = BestCandidates(logProbabilities, vocabulary);
        var length = _running[0].Tokens.Length + 1;

        var ended = candidates
            .Select(candidate => length >= _maxNewTokens || _ends(candidate.Beam.Tokens)).ToArray();
        Finish(candidates.Take(beams).Where((_, i) => ended[i]).Select(candidate => candidate.Beam), length);

        // Enough candidates are kept that as many as beams go on even if every other one has ended. At the last
        // length all have ended, and what runs on is of no consequence.
        var next = candidates.Where((_, i) => !ended[i] || length >= _maxNewTokens).Take(beams).ToArray();
        _running = [.. next.Select(candidate => candidate.Beam)];
        IsDone = length >= _maxNewTokens || next.Length < beams || IsBestKnown(length);
        return [.. next.Select(candidate => candidate.Source)];
    }

    private List<(int Source, Beam Beam)> BestCandidates(ReadOnlySpan<float> logProbabilities, int vocabulary)
    {
        // An end token per beam may fall away at each step, hence the reference keeps (1 + end tokens) x beams.
        var count = Math.Min(
            Math.Max(2, 1 + _options.EndTokens.Count) * _options.Beams, logProbabilities.Length);
        var kept = new PriorityQueue<int, (float Score, int Index)>(count + 1);
        for (var row = 0; row < _options.Beams; row++)
        {
            var score = _running[row].Score;
            for (var id = 0; id < vocabulary; id++)
            {
                var index = row * vocabulary + id;
                var total = logProbabilities[index] + score;
                if (kept.Count == count && !(total > Worst(kept)))
                    continue;
                kept.Enqueue(index, (total, -index));
                if (kept.Count > count)
                    kept.Dequeue();
            }
        }

        var best = new List<(int, Beam)>(count);
        while (kept.TryDequeue(out var index, out var priority))
        {
            var source = index / vocabulary;
            best.Add((source, new Beam([.. _running[source].Tokens, index % vocabulary], priority.Score)));
        }

        best.Reverse();
        return best;
    }

    private static float Worst(PriorityQueue<int, (float Score, int Index)> kept) =>
        kept.TryPeek(out _, out var priority) ? priority.Score : float.NegativeInfinity;

    private void Finish(IEnumerable<Beam> ended, int length)
    {
        var divisor = (float)Math.Pow(length, _options.LengthPenalty);
        _finished = [.. _finished
            .Concat(ended.Select(beam => beam with { Score = beam.Score / divisor }))
            .OrderByDescending(beam => beam.Score) // stable: an earlier one wins a tie, as the reference's top-k
            .Take(_options.Beams)];
    }

    private bool IsBestKnown(int length)
    {
        if (_finished.Length < _options.Beams)
            return false;
        if (_options.EarlyStopping == EarlyStopping.WhenFull)
            return true;
        var reachable = _options is { EarlyStopping: EarlyStopping.Never, LengthPenalty: > 0 } ? _maxNewTokens : length;
        return _running[0].Score / (float)Math.Pow(reachable, _options.LengthPenalty) <= _finished[^1].Score;
    }
}

/// <summary>A sequence of a beam search.</summary>
/// <param name="Tokens">Tokens added to the prompt.</param>
/// <param name="Score">Sum of their log-probabilities; divided by length^length_penalty once finished.</param>
internal sealed record Beam(int[] Tokens, float Score);
