using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Forward and backward of several adapters on one frozen base: the rows of all go through the base once. Adapters that
/// are more than LoRA factors, and all of them on the reference, have a pass of their own one after the other.
/// </summary>
/// <remarks>Used by one thread at a time. The adapters' parameters have gradients (<see cref="Gradients"/>).</remarks>
public sealed class SharedPass : IDisposable
{
    private readonly DecoderModel _model;
    private readonly IReadOnlyList<(Adapter Adapter, TrainingPassOptions Options)> _members;
    private readonly int[] _place; // among those that share; -1 for a pass of its own
    private readonly ITrainingPass?[] _own;
    private readonly OptimizedPass? _together;

    /// <summary>Prepares passes.</summary>
    /// <param name="model">The model; it stays the caller's and must outlive the passes.</param>
    /// <param name="members">Its adapters, and how the passes of each run.</param>
    public SharedPass(DecoderModel model, IReadOnlyList<(Adapter Adapter, TrainingPassOptions Options)> members)
    {
        (_model, _members) = (model, members);
        _own = new ITrainingPass?[members.Count];
        List<Adapter> sharing =
            [.. members.Where(member => IsShared(member.Adapter, member.Options)).Select(member => member.Adapter)];
        _place = [.. members.Select(member => sharing.IndexOf(member.Adapter))];
        if (sharing.Count == 0)
            return;
        using var off = model.WithoutAdapter();
        _together = new OptimizedPass(
            model, OptimizedSupport.Kernels(model), members[0].Options.Checkpointing,
            offloadCheckpoints: members[0].Options.OffloadCheckpoints, shared: new SharedAdapters(sharing));
    }

    /// <summary>Whether all adapters are still there.</summary>
    public bool IsUsable => _members.All(member => !member.Adapter.IsDisposed);

    /// <summary>How many adapters go through the base together.</summary>
    public int Sharing => _place.Count(place => place >= 0);

    /// <summary>
    /// Layers recomputed in the backward pass (gradient checkpointing), as the largest batch so far needed it.
    /// </summary>
    public int RecomputedLayers => _together?.RecomputedLayers ?? 0;

    /// <summary>Adds the gradients of each adapter's weighted loss to those of its parameters.</summary>
    /// <param name="batches">Rows of different adapters.</param>
    /// <returns>The summed cross-entropy of each, in nats.</returns>
    public double[] Run(IReadOnlyList<AdapterBatch> batches)
    {
        var losses = new double[batches.Count];
        List<int> together = [.. Enumerable.Range(0, batches.Count).Where(i => _place[batches[i].Adapter] >= 0)];
        if (together.Count > 0)
        {
            using var off = _model.WithoutAdapter();
            var shared = _together!.Run(
                [.. together.Select(i => batches[i] with { Adapter = _place[batches[i].Adapter] })]);
            foreach (var (place, i) in together.Index())
                losses[i] = shared[place];
        }

        foreach (var i in Enumerable.Range(0, batches.Count).Except(together))
            losses[i] = OwnPass(batches[i].Adapter).Run(batches[i].Batch, batches[i].Weight, batches[i].Key);
        return losses;
    }

    /// <summary>The summed cross-entropy of a batch's predicted tokens with one adapter, without gradients.</summary>
    /// <param name="adapter">Its place.</param>
    /// <param name="batch">Rows end to end, with at least one predicted token.</param>
    public double Evaluate(int adapter, Batch batch)
    {
        if (_place[adapter] < 0)
            return OwnPass(adapter).Evaluate(batch);
        using var off = _model.WithoutAdapter();
        return _together!.Evaluate(_place[adapter], batch);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _together?.Dispose();
        foreach (var pass in _own)
            pass?.Dispose();
    }

    /// <summary>The adapter is active afterwards.</summary>
    private ITrainingPass OwnPass(int adapter)
    {
        _members[adapter].Adapter.Activate();
        return _own[adapter] ??= TrainingPasses.Create(_model, _members[adapter].Options);
    }

    private bool IsShared(Adapter adapter, TrainingPassOptions options)
    {
        if (!options.Optimized || options.NeftuneAlpha > 0 || !SharedAdapters.Takes(adapter))
            return false;
        var before = _model.Active;
        adapter.Activate();
        var isSupported = TrainingPasses.WhyUnsupported(_model) is null;
        _model.Active = before;
        return isSupported;
    }
}
