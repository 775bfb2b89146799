using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// The step through <see cref="DecoderLayer"/> and torch's operations: it covers whatever a model and its adapters can
/// be, and is what the optimized step is held to.
/// </summary>
internal sealed class ReferenceStep(DecoderModel model, PagedCache cache) : IBatchStep
{
    private Tensor? _logits;

    public int MostTokens => int.MaxValue;

    public Tensor Run(IReadOnlyList<StepSequence> sequences)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var active = model.Active;
        var rows = new Tensor?[sequences.Count]; // logits of each sequence
        try
        {
            // Those of one adapter that are read in one type go through the layers together.
            foreach (var group in Enumerable.Range(0, sequences.Count)
                .GroupBy(i => (sequences[i].Adapter, Type: model.TypeOf(sequences[i].Ids.Length))))
            {
                model.Active = group.Key.Adapter;
                Read([.. group], group.Key.Type);
            }
        }
        finally
        {
            model.Active = active is { IsDisposed: true } ? null : active;
        }

        _logits?.Dispose();
        var wanted = rows.OfType<Tensor>().ToArray();
        _logits = (wanted.Length == 0 ? empty(0, model.Head.Weight.Rows) : cat(wanted, 0))
            .MoveToOuterDisposeScope().DetachFromDisposeScope();
        return _logits.alias().DetachFromDisposeScope();

        void Read(int[] group, ScalarType type)
        {
            List<StepSequence> parts = [.. group.Select(i => sequences[i])];
            using var attention = new PagedAttention(cache, parts, model.Config, model.Device);
            var hidden = model.Hidden([.. parts.Select(part => (part.Ids, part.Start))], attention, type);
            var end = 0;
            foreach (var i in group)
            {
                var count = sequences[i].LogitCount;
                end += sequences[i].Ids.Length;
                if (count > 0)
                    rows[i] = model.Logits(hidden.narrow(0, end - count, count));
            }
        }
    }

    public int[] MostLikely()
    {
        using var scope = NewDisposeScope();
        var (highest, ids) = _logits!.max(1);
        var chosen = ids.FilledWhere(highest.isfinite().logical_not(), -1).cpu();
        return [.. chosen.data<long>().Select(id => (int)id)];
    }

    public void Dispose() => _logits?.Dispose();
}
