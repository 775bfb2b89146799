using Lorikeet.Models.Grammars;

namespace Lorikeet.Models.Generation.Constraints;

/// <summary>A form that answers are held to, ready for any number of them. Thread-safe.</summary>
public sealed class CompiledConstraint
{
    private readonly TokenVocabulary _vocabulary;
    private readonly ByteAutomaton _automaton;
    private readonly Lock _gate = new(); // the automaton and its states grow as they are used
    private ulong[]? _first;

    internal CompiledConstraint(TokenVocabulary vocabulary, ByteAutomaton automaton) =>
        (_vocabulary, _automaton) = (vocabulary, automaton);

    /// <summary>The state machine of one answer.</summary>
    /// <param name="endTokens">Ids that end an answer; null for the tokenizer's own.</param>
    public TokenConstraint Start(IReadOnlyCollection<int>? endTokens = null) => new AutomatonConstraint(
        this, [.. endTokens ?? (_vocabulary.EndToken is { } end ? [end] : [])]);

    internal ByteState StartState()
    {
        lock (_gate)
            return _automaton.Start;
    }

    /// <summary>The tokens that may follow, a bit for each id.</summary>
    /// <param name="state">The state after the answer so far.</param>
    /// <param name="isFirst">Whether there is no token yet.</param>
    internal ReadOnlySpan<ulong> Allowed(ByteState state, bool isFirst)
    {
        lock (_gate)
        {
            return isFirst
                ? _first ??= _vocabulary.FirstTokens.Allowed(_automaton, state)
                : state.Tokens ??= _vocabulary.Tokens.Allowed(_automaton, state);
        }
    }

    /// <summary>The state after a token; dead when it may not follow.</summary>
    internal ByteState Next(ByteState state, int token, bool isFirst)
    {
        lock (_gate)
            return _automaton.Next(state, _vocabulary.BytesOf(token, isFirst));
    }

    /// <summary>Whether a token adds anything to a text.</summary>
    internal bool HasText(int token, bool isFirst) => _vocabulary.BytesOf(token, isFirst).Length > 0;
}
