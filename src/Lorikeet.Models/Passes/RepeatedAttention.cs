using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>The reference of <see cref="RepeatedHeads"/>: attention over whole segments, beginnings repeated.</summary>
/// <param name="ofWhole">Attention over <see cref="RepeatedLayout.Layout"/>.</param>
/// <param name="repeated">What is repeated.</param>
internal sealed class RepeatedAttention(AttentionPattern ofWhole, RepeatedLayout repeated) : AttentionPattern
{
    public override Tensor Attend(int layer, Tensor query, Tensor key, Tensor value) =>
        ofWhole.Attend(layer, Whole(query), Whole(key), Whole(value)).index_select(0, repeated.Kept);

    private Tensor Whole(Tensor tokens) => tokens.index_select(0, repeated.Sources);
}
