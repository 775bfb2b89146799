namespace Lorikeet.Models.Generation;

/// <summary>
/// Which tokens may come next in an answer that must have a form, such as that of a JSON schema: a state machine over
/// tokens. An instance follows one sequence. Not thread-safe.
/// </summary>
public abstract class TokenConstraint
{
    /// <summary>
    /// Sets the logits of tokens that may not come to minus infinity; an end token may where the form is complete.
    /// </summary>
    /// <param name="logits">One value per id of the vocabulary.</param>
    public abstract void Mask(Span<float> logits);

    /// <summary>Moves on by the token that was chosen, an end token included.</summary>
    public abstract void Accept(int token);

    /// <summary>Whether nothing can follow: the answer ends here, as if by an end token.</summary>
    public abstract bool IsComplete { get; }
}
