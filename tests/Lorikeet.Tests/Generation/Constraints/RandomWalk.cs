using Lorikeet.Formats;
using Lorikeet.Models.Generation.Constraints;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Tests.Generation.Constraints;

/// <summary>A model without sense: any token that is allowed.</summary>
internal static class RandomWalk
{
    private const int Patience = 30;

    /// <summary>The text of tokens drawn at random, to its end.</summary>
    public static string Text(Tokenizer tokenizer, CompiledConstraint form, ulong seed)
    {
        var logits = new float[tokenizer.VocabularySize];
        var ids = new List<int>();
        var end = tokenizer.EndToken ?? 0;
        var constraint = form.Start([end]);
        for (var count = 0ul; !constraint.IsComplete; count++)
        {
            Assert.True(count < 20_000, "The form never ends.");
            for (var id = 0; id < logits.Length; id++)
                logits[id] = Uniform(seed, count, (ulong)id);
            constraint.Mask(logits);
            var allowed = Enumerable.Range(0, logits.Length).Where(id => logits[id] >= 0).ToList();
            Assert.NotEmpty(allowed);
            var chosen = allowed[(int)(Uniform(seed, count, ulong.MaxValue) * allowed.Count)];
            var closing = count > Patience ? allowed.FindAll(id => id == end || Closes(tokenizer, id)) : [];
            if (closing.Count > 0)
                chosen = closing[(int)(Uniform(seed, count, ulong.MaxValue) * closing.Count)];
            constraint.Accept(chosen);
            if (chosen != end)
                ids.Add(chosen);
        }

        return tokenizer.Decode([.. ids]);
    }

    private static bool Closes(Tokenizer tokenizer, int id) =>
        tokenizer.BytesOf(id) is [(byte)'"' or (byte)'}' or (byte)']'];

    private static float Uniform(ulong seed, ulong position, ulong id) =>
        (float)CounterRandom.Uniform(seed, RandomPurpose.Sampling, position, id);
}
