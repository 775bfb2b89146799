namespace Lorikeet.Formats.Json;

/// <summary>Where JSON was found, for the errors about it.</summary>
/// <param name="Name">A path, or whatever else names the text.</param>
public sealed record JsonOrigin(string Name)
{
    private const string FileAdvice = "The file may be damaged; take it from its source again.";

    /// <summary>Number of the text's first line; above 1 for one line of a larger file.</summary>
    /// <value>1.</value>
    public int FirstLine { get; init; } = 1;

    /// <summary>What to do when the text is not what was expected: the last sentence of every error.</summary>
    /// <value>That the file may be damaged, and is to be taken from its source again.</value>
    public string Advice { get; init; } = FileAdvice;

    /// <summary>Makes the exception of a message and the fault underneath, if there is one.</summary>
    /// <value>A <see cref="CheckpointException"/>.</value>
    public Func<string, Exception?, LorikeetException> Error { get; init; } =
        (message, inner) => new CheckpointException(message, inner);

    /// <summary>An error about a value: where, and what to do, are added.</summary>
    internal LorikeetException Fault(string what, Exception? inner = null) =>
        Error($"{what}. Where: '{Name}'{(FirstLine > 1 ? $", line {FirstLine}" : "")}. {Advice}", inner);

    /// <summary>An error about the text at a place of it.</summary>
    /// <param name="line">Line within the text, from 1.</param>
    /// <param name="what">What is wrong there.</param>
    /// <param name="advice">What to do about it.</param>
    internal LorikeetException FaultAt(int line, string what, string advice, Exception? inner = null) =>
        Error($"{Name}:{FirstLine + line - 1}: {what}. {advice}", inner);
}
