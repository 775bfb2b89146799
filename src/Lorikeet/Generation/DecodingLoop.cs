using Lorikeet.Models;
using static TorchSharp.torch;

namespace Lorikeet.Generation;

/// <summary>Continues a batch of prompts token by token, greedily or by drawing, with keys and values cached.</summary>
internal sealed class DecodingLoop : IDisposable
{
    private readonly DecoderModel _model;
    private readonly TokenChooser _chooser;
    private readonly KeyValueCache _cache;
    private List<DecodingRow> _rows; // the rows the cache holds, in its order
    private Tensor _logits;

    /// <summary>Reads the prompts of rows that have not ended.</summary>
    public DecodingLoop(DecoderModel model, GenerationOptions options, IEnumerable<DecodingRow> rows)
    {
        _model = model;
        _rows = [.. rows];
        _chooser = new TokenChooser(options, model.Config.VocabularySize);

        // All rows end at the same slot of the cache: the longest prompt decides where the answers begin.
        var longestPrompt = _rows.Max(row => row.PromptLength);
        _cache = model.CreateCache(_rows.Count, longestPrompt + _rows.Max(row => row.Capacity - row.PromptLength));
        _logits = model.Prefill([.. _rows.Select(row => row.Ids.ToArray())], _cache);
    }

    /// <summary>Adds a token to every row that goes on; false once all have ended.</summary>
    public bool Step()
    {
        var chosen = _chooser.Choose(_logits, _rows);
        for (var i = 0; i < _rows.Count; i++)
            if (_rows[i].Finish is null) _rows[i].Add(chosen[i]);

        if (_rows.TrueForAll(row => row.Finish is not null)) return false;
        DropEndedRows();
        _logits.Dispose();
        _logits = _model.Decode([.. _rows.Select(row => row.Ids[^1])], _cache);
        return true;
    }

    /// <summary>Shrinks the batch when enough rows have ended to pay for copying the cache.</summary>
    private void DropEndedRows()
    {
        var running = Enumerable.Range(0, _rows.Count).Where(i => _rows[i].Finish is null).ToArray();
        if (running.Length > _rows.Count * 3 / 4) return;
        _cache.Reorder(running);
        _rows = [.. running.Select(i => _rows[i])];
    }

    public void Dispose()
    {
        _logits.Dispose();
        _cache.Dispose();
    }
}
