using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Evaluation;

/// <summary>
/// Finds end tokens that a frozen head cannot predict, so that no adapter could teach the model to stop.
/// </summary>
/// <remarks>
/// Tokens a base never met have rows in the head that are all alike: whatever the layers compute, they stay equally
/// likely. (Llama 3's special tokens before instruction tuning, and models whose texts were divided otherwise.)
/// </remarks>
public static class EndTokenCheck
{
    private const double Alike = 0.01;
    private const int RowsAtOnce = 4096;

    /// <summary>
    /// What the user should know; null when the head can tell the end token from others, or is trained itself.
    /// </summary>
    /// <param name="model">The model, what is trained of it settled.</param>
    /// <param name="tokenizer">Its tokenizer; without one there is nothing to say.</param>
    public static string? Warning(DecoderModel model, Tokenizer? tokenizer)
    {
        var head = model.Head;
        if (tokenizer?.EndToken is not { } end || end >= head.Weight.Rows || head.TrainedWeight is not null
            || head.Lora is not null)
            return null;
        var like = RowsLike(model, end);
        return like == 0 ? null
            : $"The base never met its end token {end}: the head cannot tell it from {like:N0} other tokens, so the "
            + "adapter cannot learn to stop. Train the head along with modules_to_save lm_head.";
    }

    /// <summary>How many rows of the head are as good as equal to one.</summary>
    private static int RowsLike(DecoderModel model, int id)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var head = model.Head.Weight.Materialize(model.ComputeType);
        var row = head[id].to_type(ScalarType.Float32);
        var like = 0L;
        for (var first = 0L; first < head.shape[0]; first += RowsAtOnce)
        {
            using var chunk = NewDisposeScope();
            var rows = head.narrow(0, first, Math.Min(RowsAtOnce, head.shape[0] - first)).to_type(ScalarType.Float32);
            var distance = (rows - row).norm(1); // [rows]
            like += (distance <= rows.norm(1).mean().Times(Alike)).sum().item<long>();
        }

        return (int)like - 1;
    }
}
