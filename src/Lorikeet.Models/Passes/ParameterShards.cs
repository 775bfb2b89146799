// How the elements of all parameters are divided among N ranks (ZeRO, arXiv 1910.02054). The parameters of a layer lie
// end to end as one part, those of no layer as another; of a part with C elements each rank owns S = ⌈C / N⌉ in a row,
//
//     part     [ parameter a | parameter b | ... | padding ]      C elements, padded to N · S
//     rank r                 [ r · S ... (r + 1) · S )            so a rank owns a slice of some of the parameters
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Which elements of which parameter belong to this rank.</summary>
internal sealed class ParameterShards
{
    /// <summary>Divides the parameters.</summary>
    /// <param name="parameters">In the order of the model.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="ranks">All of which divide the same.</param>
    public ParameterShards(IReadOnlyList<Parameter> parameters, int layers, Communicator ranks)
    {
        Ranks = ranks;
        var own = 0L;
        var parts = new List<ShardedPart>();
        foreach (var group in parameters.GroupBy(parameter => GradientParts.LayerOf(parameter.Name, layers))
            .OrderByDescending(group => group.Key))
        {
            var part = new ShardedPart(group.Key, [.. group], own, ranks);
            parts.Add(part);
            own += part.Share;
        }

        (Parts, OwnCount) = (parts, own);
    }

    /// <summary>Who owns them.</summary>
    public Communicator Ranks { get; }

    /// <summary>From the last layer to the first, then what belongs to none.</summary>
    public IReadOnlyList<ShardedPart> Parts { get; }

    /// <summary>Elements of a rank, padding included; the shares of all parts end to end.</summary>
    public long OwnCount { get; }

    /// <summary>Elements of the largest layer, padded.</summary>
    public long LargestLayer => Parts.Where(part => part.Layer != GradientParts.Rest)
        .Select(part => part.PaddedCount).DefaultIfEmpty(0).Max();
}

/// <summary>The parameters of a layer, or those of none, end to end.</summary>
internal sealed class ShardedPart
{
    private readonly Communicator _ranks;

    public ShardedPart(int layer, IReadOnlyList<Parameter> parameters, long ownStart, Communicator ranks)
    {
        (Layer, Parameters, OwnStart, _ranks) = (layer, parameters, ownStart, ranks);
        Count = parameters.Sum(parameter => parameter.Value.NumberOfElements);
        Share = (Count + ranks.Size - 1) / ranks.Size;
        var (first, start) = (ranks.Rank * Share, 0L);
        var slices = new List<ShardedSlice>();
        foreach (var parameter in parameters)
        {
            var count = parameter.Value.NumberOfElements;
            var (low, high) = (Math.Max(start, first), Math.Min(start + count, first + Share));
            if (low < high)
                slices.Add(new ShardedSlice(parameter, low - start, high - low, low - first));
            start += count;
        }

        Slices = slices;
    }

    /// <summary>The layer, or <see cref="GradientParts.Rest"/>.</summary>
    public int Layer { get; }

    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Elements of all parameters.</summary>
    public long Count { get; }

    /// <summary>Elements of each rank.</summary>
    public long Share { get; }

    /// <summary>The same with what makes the shares equal.</summary>
    public long PaddedCount => Share * _ranks.Size;

    /// <summary>Where this rank's share lies among those of all parts.</summary>
    public long OwnStart { get; }

    /// <summary>What this rank owns of it.</summary>
    public IReadOnlyList<ShardedSlice> Slices { get; }

    /// <summary>Brings the shares of all ranks together.</summary>
    /// <param name="valueOf">This rank's values of a slice, flat.</param>
    /// <param name="device">Where they lie.</param>
    /// <param name="take">Given each parameter's values, flat; they live as long as the call.</param>
    public void Gather(Func<ShardedSlice, Tensor> valueOf, Device device, Action<Parameter, Tensor> take)
    {
        using var scope = NewDisposeScope();
        var own = zeros(Share, ScalarType.Float32, device);
        foreach (var slice in Slices)
            own.narrow(0, slice.InShare, slice.Count).copy_(valueOf(slice));
        var all = empty(PaddedCount, ScalarType.Float32, device);
        _ranks.Gather(own, all);
        var start = 0L;
        foreach (var parameter in Parameters)
        {
            take(parameter, all.narrow(0, start, parameter.Value.NumberOfElements));
            start += parameter.Value.NumberOfElements;
        }
    }

    /// <summary>Gives each rank the sum, over all ranks, of its share: summed in the order of the ranks.</summary>
    /// <param name="part">float32 [padded count], flat.</param>
    /// <param name="share">float32 [share]; the sum is added to it.</param>
    public void ReduceScatter(Tensor part, Tensor share)
    {
        using var scope = NewDisposeScope();
        var received = empty_like(part);
        _ranks.Exchange(part, received);
        var sum = received.view(_ranks.Size, Share).sum([0]); // [ranks, share] to [share]
        share.Increase(sum);
    }
}

/// <summary>The elements of a parameter that a rank owns.</summary>
/// <param name="parameter">The parameter.</param>
/// <param name="start">The first of them in it.</param>
/// <param name="count">How many.</param>
/// <param name="inShare">Where they lie in the rank's share of the part.</param>
internal sealed class ShardedSlice(Parameter parameter, long start, long count, long inShare)
{
    public Parameter Parameter => parameter;

    public long Count => count;

    public long InShare => inShare;

    /// <summary>This slice of a tensor that is shaped as the parameter; a view.</summary>
    public Tensor Of(Tensor whole)
    {
        using var values = whole.detach();
        using var flat = values.view(-1);
        return flat.narrow(0, start, count);
    }
}
