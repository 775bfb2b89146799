using Lorikeet.Configuration;

namespace Lorikeet.Jobs;

/// <summary>Holds the length of rows against the positions a model was made for.</summary>
internal static class MaxLength
{
    /// <summary>
    /// Lowers a default max_length to the model's positions, and warns about one that the user chose.
    /// </summary>
    /// <param name="resolved">The run's options.</param>
    /// <param name="positions">max_position_embeddings of the model.</param>
    public static ResolvedOptions ClampTo(ResolvedOptions resolved, int positions)
    {
        var options = resolved.Options;
        if (options.Data.MaxLength <= positions)
            return resolved;
        var origin = resolved.OriginOf("max_length");
        return origin.IsExplicit
            ? resolved.WithWarning(
                $"{origin.Speak("max_length")} is {options.Data.MaxLength}, but the model was made for {positions} "
                + "positions (max_position_embeddings). It may learn little from what lies behind them.")
            : resolved.With(options with { Data = options.Data with { MaxLength = positions } });
    }
}
