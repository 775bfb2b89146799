using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Which experts the tokens of a batch go through. A token's choices are as many rows; rows of one expert lie together,
/// experts in their order.
/// </summary>
internal sealed class ExpertRoutes : IDisposable
{
    private readonly ExpertSettings _settings;
    private readonly DisposeScope _scope;
    private readonly Tensor _probabilities, _chosen, _values, _shares, _places;

    /// <summary>Chooses the likeliest experts of each token.</summary>
    /// <param name="logits">[tokens, experts], in the compute type.</param>
    /// <param name="settings">How many there are, and how many a token goes through.</param>
    public ExpertRoutes(Tensor logits, ExpertSettings settings)
    {
        _settings = settings;
        _scope = NewDisposeScope();
        var (tokens, device) = (logits.shape[0], logits.device);
        Choices = (int)(tokens * settings.PerToken);
        _probabilities = nn.functional.softmax(logits, -1, ScalarType.Float32);
        (_values, _chosen) = _probabilities.topk(settings.PerToken, -1); // [tokens, perToken] each
        _shares = settings.NormalisesWeights ? _values / _values.sum(-1, keepdim: true) : _values;
        Weights = _shares.to_type(logits.dtype);

        // Sorted by expert and then by place: no two are equal, so their order is always the same.
        var (choices, flat) = (TensorArithmetic.Range(Choices, ScalarType.Int64, device), _chosen.reshape(-1));
        var order = flat.Times(Choices).Plus(choices).argsort(); // choice of each row: [choices]
        var tokenOfChoice = TensorArithmetic.Range(tokens, ScalarType.Int64, device)
            .unsqueeze(1).expand(tokens, settings.PerToken).reshape(-1);
        Tokens = tokenOfChoice.index_select(0, order);
        WeightOfRow = Weights.reshape(-1).index_select(0, order).unsqueeze(1);
        _places = empty_like(order).scatter_(0, order, choices).view(tokens, settings.PerToken).t().contiguous();
        using var counts = flat.bincount(null, settings.Count).cpu();
        Counts = [.. counts.data<long>().Select(count => (int)count)];
    }

    /// <summary>Choices of all tokens.</summary>
    public int Choices { get; }

    /// <summary>Rows of each expert.</summary>
    public IReadOnlyList<int> Counts { get; }

    /// <summary>The token of each row, int64 [choices].</summary>
    public Tensor Tokens { get; }

    /// <summary>What each choice of a token counts, [tokens, perToken] in the compute type.</summary>
    public Tensor Weights { get; }

    /// <summary>What each row counts, [choices, 1].</summary>
    public Tensor WeightOfRow { get; }

    /// <summary>The row of each token's choice, int64 [tokens].</summary>
    public Tensor PlacesOf(int choice) => _places[choice];

    /// <summary>
    /// From the gradient of each row's weight, [choices], to that of the logits, float32 [tokens, experts].
    /// </summary>
    public Tensor LogitGradient(Tensor weightGradient)
    {
        var gradient = weightGradient.index_select(0, _places.t().reshape(-1)).view(_shares.shape);
        if (_settings.NormalisesWeights) // w = v / Σ v
            gradient = (gradient - (gradient * _shares).sum(-1, keepdim: true)) / _values.sum(-1, keepdim: true);
        var spread = zeros_like(_probabilities).scatter_(1, _chosen, gradient); // dp
        return _probabilities * (spread - (spread * _probabilities).sum(-1, keepdim: true));
    }

    public void Dispose() => _scope.Dispose();
}
