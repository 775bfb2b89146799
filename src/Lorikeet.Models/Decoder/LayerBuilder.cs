namespace Lorikeet.Models.Decoder;

/// <summary>Puts layers of the configured shape together from parts that are loaded or made.</summary>
/// <param name="config">The model's shape.</param>
/// <param name="linear">Makes a projection: name, rows, columns, whether it has a bias.</param>
/// <param name="norm">Makes a norm: name, width.</param>
internal sealed class LayerBuilder(
    ModelConfig config, Func<string, int, int, bool, Projection> linear, Func<string, int, RmsNorm> norm)
{
    private int Queries => config.HeadCount * config.HeadSize;

    private int Keys => config.KeyValueHeadCount * config.HeadSize;

    /// <summary>Makes a layer; its projections in the order of <see cref="DecoderLayer.Projections"/>.</summary>
    public DecoderLayer Build(int layer)
    {
        var (names, hidden, inner) = (config.Names, config.HiddenSize, config.IntermediateSize);
        var before = config.NormPlacement != NormPlacement.After;
        var after = config.NormPlacement != NormPlacement.Before;
        var hasExperts = config.Layer(layer).HasExperts;
        RmsNorm? Norm(bool exists, string part, int width) =>
            exists ? norm(TensorNames.Layer(layer, part), width) : null;
        Projection Linear(string part, int rows, int columns, bool hasBias) =>
            linear(TensorNames.Layer(layer, part), rows, columns, hasBias);

        var normalises = config.QueryKeyNorm != QueryKeyNorm.None;
        var perHead = config.QueryKeyNorm == QueryKeyNorm.PerHead;
        return new DecoderLayer
        {
            Index = layer,
            Config = config,
            InputNorm = Norm(before, names.InputNorm, hidden),
            AttentionOutputNorm = Norm(after, names.AttentionOutputNorm, hidden),
            FeedForwardNorm = Norm(before, names.FeedForwardNorm, hidden),
            FeedForwardOutputNorm = Norm(after, names.FeedForwardOutputNorm, hidden),
            QueryNorm = Norm(normalises, names.QueryNorm, perHead ? config.HeadSize : Queries),
            KeyNorm = Norm(normalises, names.KeyNorm, perHead ? config.HeadSize : Keys),
            Qkv = QueryKeyValue(Linear),
            Output = Linear(names.Output, hidden, Queries, config.AttentionOutputBias),
            GateUp = hasExperts ? [] : GateUp(Linear),
            Down = hasExperts ? null : Linear(names.Down, hidden, inner, config.FeedForwardBias),
            Experts = hasExperts ? Experts(Linear, config.Experts!) : null,
        };
    }

    private Projection[] QueryKeyValue(Func<string, int, int, bool, Projection> linear)
    {
        var (names, hidden, hasBias) = (config.Names, config.HiddenSize, config.QueryKeyValueBias);
        return config.FusedProjections
            ? [linear(names.QueryKeyValue, Queries + 2 * Keys, hidden, hasBias)]
            :
            [
                linear(names.Query, Queries, hidden, hasBias), linear(names.Key, Keys, hidden, hasBias),
                linear(names.Value, Keys, hidden, hasBias),
            ];
    }

    private Projection[] GateUp(Func<string, int, int, bool, Projection> linear)
    {
        var (names, hidden, inner) = (config.Names, config.HiddenSize, config.IntermediateSize);
        return config.FusedProjections
            ? [linear(names.GateUp, 2 * inner, hidden, config.FeedForwardBias)]
            :
            [
                linear(names.Gate, inner, hidden, config.FeedForwardBias),
                linear(names.Up, inner, hidden, config.FeedForwardBias),
            ];
    }

    private ExpertBlock Experts(Func<string, int, int, bool, Projection> linear, ExpertSettings settings)
    {
        var (names, hidden, inner) = (config.Names, config.HiddenSize, settings.IntermediateSize);
        var router = linear(names.Router, settings.Count, hidden, false);
        var experts = Enumerable.Range(0, settings.Count).Select(expert => new Expert(
            linear(LayerNames.Expert(expert, names.Gate), inner, hidden, false),
            linear(LayerNames.Expert(expert, names.Up), inner, hidden, false),
            linear(LayerNames.Expert(expert, names.Down), hidden, inner, false))).ToList();
        return new ExpertBlock(settings, config.Activation, router, experts);
    }
}
