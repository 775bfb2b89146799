using System.Numerics;
using Lorikeet.Models.Grammars;

namespace Lorikeet.Models.Generation.Constraints;

/// <summary>The way of one answer through an automaton.</summary>
/// <param name="form">The automaton.</param>
/// <param name="endTokens">Ids that end the answer; those outside the logits never come.</param>
internal sealed class AutomatonConstraint(CompiledConstraint form, int[] endTokens) : TokenConstraint
{
    private const int WordBits = 64;

    private ByteState _state = form.StartState();
    private bool _isFirst = true;
    private bool _hasEnded;

    public override bool IsComplete => _hasEnded || !_state.GoesOn;

    private bool MayEnd => _hasEnded || _state.IsAccepting;

    public override void Mask(Span<float> logits)
    {
        var ends = new float[endTokens.Length];
        for (var i = 0; i < ends.Length; i++)
            ends[i] = MayEnd && IsOf(logits, endTokens[i]) ? logits[endTokens[i]] : float.NegativeInfinity;

        var allowed = IsComplete ? [] : form.Allowed(_state, _isFirst);
        if (!MayEnd && allowed.IndexOfAnyExcept(0ul) < 0)
        {
            throw new ConfigurationException(
                "No token of the vocabulary continues the answer in the form that it must have. A tokenizer that "
                + "spells all bytes was expected. Give a form of characters that the tokenizer knows.");
        }

        for (var start = 0; start < logits.Length; start += WordBits)
        {
            var word = start / WordBits < allowed.Length ? allowed[start / WordBits] : 0;
            Mask(logits[start..Math.Min(start + WordBits, logits.Length)], word);
        }

        for (var i = 0; i < ends.Length; i++)
            if (IsOf(logits, endTokens[i]))
                logits[endTokens[i]] = ends[i];
    }

    public override void Accept(int token)
    {
        if (endTokens.Contains(token))
        {
            _hasEnded = MayEnd ? true : throw Refused(token, "ends the answer");
            return;
        }

        var next = form.HasText(token, _isFirst) && !IsComplete ? form.Next(_state, token, _isFirst) : null;
        if (next is null || next.IsDead)
            throw Refused(token, "comes next");
        (_state, _isFirst) = (next, false);
    }

    private static bool IsOf(ReadOnlySpan<float> logits, int token) => (uint)token < (uint)logits.Length;

    /// <summary>Masks up to 64 logits; what is rarer, allowed or not, is looked at one by one.</summary>
    private static void Mask(Span<float> logits, ulong allowed)
    {
        var all = logits.Length == WordBits ? ulong.MaxValue : (1ul << logits.Length) - 1;
        allowed &= all;
        if (BitOperations.PopCount(allowed) > WordBits / 2)
        {
            for (var refused = ~allowed & all; refused != 0; refused &= refused - 1)
                logits[BitOperations.TrailingZeroCount(refused)] = float.NegativeInfinity;
            return;
        }

        Span<float> kept = stackalloc float[WordBits];
        logits.CopyTo(kept);
        logits.Fill(float.NegativeInfinity);
        for (; allowed != 0; allowed &= allowed - 1)
            logits[BitOperations.TrailingZeroCount(allowed)] = kept[BitOperations.TrailingZeroCount(allowed)];
    }

    private static InvalidOperationException Refused(int token, string does) => new(
        $"The token {token} {does}, which the form of the answer does not allow. One that Mask leaves was expected.");
}
