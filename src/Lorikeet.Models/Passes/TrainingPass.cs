// One micro-batch through the model and back. Each layer is its own small autograd graph, cut off from the others, and
// the chain between layers is written out here:
//
//     forward    x[i+1] = layer[i](x[i])            keeping the graph, or only x[i] with gradient checkpointing
//     head       loss, dx[L]                        in chunks, see LossHead
//     backward   dx[i] = layer[i]'(x[i]) dx[i+1]    recomputing the layer first when its graph was not kept
//
// Gradients of the parameters accumulate in the leaves. Layers below the first trainable one run without a graph.
using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Forward and backward of the reference decoder.</summary>
internal sealed class TrainingPass : ITrainingPass
{
    private readonly DecoderModel _model;
    private readonly int _tokenMultiple;
    private readonly bool _checkpointing;
    private readonly double _neftuneAlpha;
    private readonly bool _embeddingTrained;
    private readonly int _firstTrained;
    private readonly Action<int>? _layerDone;
    private readonly ContextShare? _share;

    /// <summary>Prepares passes over a model whose trainable parameters are settled.</summary>
    /// <param name="model">The model.</param>
    /// <param name="checkpointing">Whether layers are recomputed in the backward pass instead of kept.</param>
    /// <param name="neftuneAlpha">Strength of the noise on embeddings (NEFTune, arXiv 2310.05914); 0 for none.</param>
    /// <param name="layerDone">See <see cref="TrainingPassOptions.LayerDone"/>.</param>
    /// <param name="share">What this rank computes of each batch, where several share it.</param>
    public TrainingPass(
        DecoderModel model, bool checkpointing, double neftuneAlpha = 0, Action<int>? layerDone = null,
        ContextShare? share = null)
    {
        (_model, _checkpointing, _neftuneAlpha) = (model, checkpointing, neftuneAlpha);
        (_layerDone, _share) = (layerDone, share);

        // oneDNN compiles a bfloat16 GEMM for every new shape.
        var compiles = model.Device.type == DeviceType.CPU && model.ComputeType == ScalarType.BFloat16;
        _tokenMultiple = compiles ? BatchShape.TokenMultiple : 1;
        _embeddingTrained = model.TrainsEmbedding;
        _firstTrained = TrainedLayers.First(model);
    }

    /// <summary>All trained layers or none: the reference does not ask for free memory.</summary>
    public int RecomputedLayers => _checkpointing ? _model.Layers.Count - _firstTrained : 0;

    public double Temperature { get; set; } = 1;

    public double Run(Batch batch, double weight, PassKey key)
    {
        var loss = 0.0;
        Run(batch, key, (head, last) =>
        {
            (loss, var gradient) = head.Backward(last, weight);
            return gradient;
        });
        return loss;
    }

    public void Run(Batch batch, TokenObjective objective, PassKey key) =>
        Run(batch, key, (head, last) => head.At(Temperature).Backward(last, objective));

    /// <summary>Forward, what the head makes of the last layer's output, and backward from there.</summary>
    private void Run(Batch batch, PassKey key, Func<LossHead, Tensor, Tensor> differentiate)
    {
        using var scope = NewDisposeScope();
        batch = _share?.Filled(batch, _tokenMultiple) ?? batch.FilledTo(_tokenMultiple);
        var range = _share?.Own(batch);
        using var layout = new SegmentLayout(batch.SegmentStarts, _model.Device, batch.SharedPrefixes);
        using var repeated = RepeatedLayout.Of(batch, 1, _model.Device);
        var context = Context(_model, layout, key, _share, range, repeated);
        var head = new LossHead(_model, batch, key, range);
        var embedded = Embed(IdsOf(batch, range), layout, key);

        var inputs = new Tensor[_model.Layers.Count];
        var outputs = new Tensor?[_model.Layers.Count];
        var x = embedded.detach();
        for (var i = 0; i < inputs.Length; i++)
        {
            inputs[i] = x.detach().requires_grad_(_embeddingTrained || i > _firstTrained);
            var keepsGraph = i >= _firstTrained && !_checkpointing;
            using var mode = set_grad_enabled(keepsGraph);
            x = _model.Layers[i].Forward(inputs[i], context);
            if (keepsGraph)
                outputs[i] = x;
        }

        var gradient = differentiate(head, x.detach());
        for (var i = inputs.Length - 1; i >= _firstTrained; i--)
        {
            using var output = outputs[i] ?? _model.Layers[i].Forward(inputs[i], context);
            output.backward([gradient]);
            _layerDone?.Invoke(i);
            gradient.Dispose();
            if (!inputs[i].requires_grad)
                return;
            gradient = inputs[i].grad!;
            inputs[i].Dispose();
        }

        if (_embeddingTrained)
            embedded.backward([gradient]);
    }

    public double Evaluate(Batch batch) => Evaluate(_model, batch, _share);

    public float[] LogProbabilities(Batch batch, bool withoutAdapter = false) =>
        LogProbabilities(_model, batch, withoutAdapter, _share, Temperature);

    /// <summary>See <see cref="ITrainingPass.LogProbabilities"/>.</summary>
    public static float[] LogProbabilities(
        DecoderModel model, Batch batch, bool withoutAdapter, ContextShare? share = null, double temperature = 1)
    {
        using var off = withoutAdapter ? model.WithoutAdapter() : null;
        return Forward(model, batch, share, (head, last) => head.At(temperature).LogProbabilities(last));
    }

    /// <summary>The summed cross-entropy of a batch, without gradients, dropout or noise.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="share">Of which this rank's tokens count, where several share it.</param>
    public static double Evaluate(DecoderModel model, Batch batch, ContextShare? share = null) =>
        Forward(model, batch, share, (head, last) => head.Evaluate(last));

    private static TResult Forward<TResult>(
        DecoderModel model, Batch batch, ContextShare? share, Func<LossHead, Tensor, TResult> score)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        batch = share?.Filled(batch, 1) ?? batch;
        var range = share?.Own(batch);
        using var layout = new SegmentLayout(batch.SegmentStarts, model.Device, batch.SharedPrefixes);
        using var repeated = RepeatedLayout.Of(batch, 1, model.Device);
        var context = Context(model, layout, null, share, range, repeated);
        var x = model.Embed(IdsOf(batch, range));
        foreach (var layer in model.Layers)
        {
            var y = layer.Forward(x, context);
            x.Dispose();
            x = y;
        }

        return score(new LossHead(model, batch, range: range), x);
    }

    private static int[] IdsOf(Batch batch, TokenRange? range) =>
        range is { } own ? batch.Ids.AsSpan(own.Start, own.Count).ToArray() : batch.Ids;

    /// <summary>What the layers share; with other ranks, positions are this rank's and attention sees all.</summary>
    private static ForwardContext Context(
        DecoderModel model, SegmentLayout layout, PassKey? key, ContextShare? share, TokenRange? range,
        RepeatedLayout? repeated)
    {
        var context = model.Context(layout, key);
        if (repeated is not null)
            return context with
            {
                Attention = new RepeatedAttention(model.Context(repeated.Layout).Attention, repeated),
            };
        return share is null || range is not { } own ? context : context with
        {
            Attention = new ContextAttention(context.Attention, share),
            Rotations =
            [
                .. context.Rotations.Select(rotation => rotation is var (cosine, sine)
                    ? new Rotation(cosine.narrow(0, own.Start, own.Count), sine.narrow(0, own.Start, own.Count))
                    : (Rotation?)null),
            ],
        };
    }

    private Tensor Embed(int[] ids, SegmentLayout layout, PassKey key)
    {
        using var mode = set_grad_enabled(_embeddingTrained);
        var embedded = _model.Embed(ids);
        return _neftuneAlpha > 0 ? embedded.Plus(EmbeddingNoise.Of(embedded, layout, _neftuneAlpha, key)) : embedded;
    }

    public void Dispose()
    {
    }
}
