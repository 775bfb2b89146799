using Lorikeet.Models.Grammars;

namespace Lorikeet.Models.Generation.Constraints;

/// <summary>The way of one answer through an automaton.</summary>
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
            ends[i] = MayEnd && endTokens[i] < logits.Length ? logits[endTokens[i]] : float.NegativeInfinity;

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
            if (endTokens[i] < logits.Length)
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

    private static void Mask(Span<float> logits, ulong allowed)
    {
        if (allowed == 0)
        {
            logits.Fill(float.NegativeInfinity);
            return;
        }

        if (allowed == ulong.MaxValue)
            return;
        for (var i = 0; i < logits.Length; i++)
            if ((allowed & (1ul << i)) == 0)
                logits[i] = float.NegativeInfinity;
    }

    private static InvalidOperationException Refused(int token, string does) => new(
        $"The token {token} {does}, which the form of the answer does not allow. One that Mask leaves was expected.");
}
