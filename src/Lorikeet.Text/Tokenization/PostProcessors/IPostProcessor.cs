namespace Lorikeet.Text.Tokenization.PostProcessors;

/// <summary>Finishes the tokens of a sequence: what goes around them, and corrections of their ranges.</summary>
internal interface IPostProcessor
{
    /// <summary>Ids put before the sequence when special tokens are asked for.</summary>
    ReadOnlySpan<int> Before { get; }

    /// <summary>Ids put after it.</summary>
    ReadOnlySpan<int> After { get; }

    /// <summary>Corrects the ranges of the sequence's own tokens in the original <paramref name="text"/>.</summary>
    void Adjust(TokenBuffer tokens, ReadOnlySpan<char> text);
}

/// <summary>Post-processors one after the other: later ones wrap what earlier ones made.</summary>
internal sealed class SequencePostProcessor(IReadOnlyList<IPostProcessor> processors) : IPostProcessor
{
    private readonly int[] _before = [.. processors.Reverse().SelectMany(processor => processor.Before.ToArray())];
    private readonly int[] _after = [.. processors.SelectMany(processor => processor.After.ToArray())];

    public ReadOnlySpan<int> Before => _before;

    public ReadOnlySpan<int> After => _after;

    public void Adjust(TokenBuffer tokens, ReadOnlySpan<char> text)
    {
        foreach (var processor in processors)
            processor.Adjust(tokens, text);
    }
}
