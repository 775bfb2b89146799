namespace Lorikeet.Models.Generation;

/// <summary>A prompt, alone or with the answer that is asked for, is longer than fits.</summary>
/// <param name="message">What is too long, and what to do.</param>
/// <param name="promptTokens">Tokens of the prompt.</param>
/// <param name="newTokens">Tokens that are to be added.</param>
/// <param name="maxLength">Most tokens of both together.</param>
public sealed class ContextLengthException(string message, int promptTokens, int newTokens, int maxLength)
    : ConfigurationException(message)
{
    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokens => promptTokens;

    /// <summary>Tokens that are to be added.</summary>
    public int NewTokens => newTokens;

    /// <summary>Most tokens of both together.</summary>
    public int MaxLength => maxLength;
}
