using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Decoding;
using static TorchSharp.torch;

namespace Lorikeet.Models.Generation;

/// <summary>Continues a batch of prompts token by token, greedily or by drawing, with keys and values cached.</summary>
internal sealed class DecodingLoop : IDisposable
{
    private readonly DecoderModel _model;
    private readonly Dictionary<DecodingRow, TokenChooser> _choosers;
    private readonly GenerationOptions _options;
    private readonly KeyValueCache _cache;
    private readonly float[] _scratch;
    private DecodingStep? _step;
    private List<DecodingRow> _rows; // the rows the cache holds, in its order
    private Tensor _logits;

    /// <summary>Reads the prompts of rows that have not ended.</summary>
    public DecodingLoop(DecoderModel model, GenerationOptions options, IEnumerable<DecodingRow> rows)
    {
        (_model, _options) = (model, options);
        _rows = [.. rows];
        _choosers = _rows.ToDictionary(
            row => row, row => new TokenChooser(options, model.Config.VocabularySize, row.Constraint));
        _scratch = new float[model.Config.VocabularySize];

        // All rows end at the same slot of the cache: the longest prompt decides where the answers begin.
        var longestPrompt = _rows.Max(row => row.PromptLength);
        _cache = model.CreateCache(_rows.Count, longestPrompt + _rows.Max(row => row.Capacity - row.PromptLength));
        _logits = model.Prefill([.. _rows.Select(row => row.Ids.ToArray())], _cache);
    }

    /// <summary>Whether the last token was read by the optimized step.</summary>
    public bool IsOptimized => _step is not null;

    /// <summary>
    /// Why the reference reads the tokens, as the end of a sentence; null where the optimized step does.
    /// </summary>
    public string? WhyUnoptimized =>
        _options.Optimized ? DecodingSupport.WhyUnsupported(_model, _cache.Rows) : "the optimized path is switched off";

    /// <summary>Adds a token to every row that goes on; false once all have ended.</summary>
    public bool Step()
    {
        var chosen = Choose();
        for (var i = 0; i < _rows.Count; i++)
            if (_rows[i].Finish is null)
                _rows[i].Add(chosen[i]);

        if (_rows.TrueForAll(row => row.Finish is not null))
            return false;
        DropEndedRows();
        _logits.Dispose();
        _logits = Decode([.. _rows.Select(row => row.Ids[^1])]);
        return true;
    }

    /// <summary>The optimized step has chosen already what is merely the most likely.</summary>
    private int[] Choose()
    {
        if (!_rows.TrueForAll(row => _choosers[row].TakesMostLikely))
            return ChooseOnHost();
        var chosen = _step?.MostLikely() ?? MostLikely();
        return chosen.All(id => id >= 0) ? chosen : ChooseOnHost();
    }

    private int[] ChooseOnHost()
    {
        using var host = _logits.cpu().contiguous();
        var vocabulary = _model.Config.VocabularySize;
        var values = TensorMemory.Span<float>(host);
        var chosen = new int[_rows.Count];
        for (var i = 0; i < chosen.Length; i++)
        {
            if (_rows[i].Finish is null)
                chosen[i] = _choosers[_rows[i]].Choose(values.Slice(i * vocabulary, vocabulary), _rows[i], _scratch);
        }

        return chosen;
    }

    private int[] MostLikely()
    {
        using var scope = NewDisposeScope();
        var (highest, ids) = _logits.max(1);
        var chosen = where(highest.isfinite(), ids, full_like(ids, -1)).cpu();
        return [.. chosen.data<long>().Select(id => (int)id)];
    }

    private Tensor Decode(int[] ids)
    {
        if (_options.Optimized)
            _step ??= DecodingSupport.Create(_model, _cache);
        return _step?.Run(ids) ?? _model.Decode(ids, _cache);
    }

    /// <summary>Shrinks the batch when enough rows have ended to pay for copying the cache.</summary>
    private void DropEndedRows()
    {
        var running = Enumerable.Range(0, _rows.Count).Where(i => _rows[i].Finish is null).ToArray();
        if (running.Length > _rows.Count * 3 / 4)
            return;
        _step?.Dispose();
        _step = null;
        _cache.Reorder(running);
        _rows = [.. running.Select(i => _rows[i])];
    }

    public void Dispose()
    {
        _logits.Dispose();
        _step?.Dispose();
        _cache.Dispose();
    }
}
