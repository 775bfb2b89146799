namespace Lorikeet.Models.Generation;

/// <summary>Says that rows are longer than what the model was trained to read.</summary>
public static class PositionsCheck
{
    /// <summary>The warning; null where all fit.</summary>
    /// <param name="lengths">Tokens of each row or prompt.</param>
    /// <param name="positions">Positions of the model.</param>
    /// <param name="what">What the rows are, such as "prompts".</param>
    public static string? Warning(IReadOnlyCollection<int> lengths, int positions, string what)
    {
        var beyond = lengths.Count(length => length > positions);
        return beyond == 0 ? null
            : $"warning: {beyond:N0} of {lengths.Count:N0} {what} {(beyond == 1 ? "is" : "are")} longer than the " +
                $"{positions:N0} positions of the model (the longest has {lengths.Max():N0} tokens); what it says " +
                "there means little. Shorten them.";
    }
}
