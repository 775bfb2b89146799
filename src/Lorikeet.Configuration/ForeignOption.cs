namespace Lorikeet.Configuration;

/// <summary>A name of another tool, and what it means here.</summary>
/// <param name="Name">The name.</param>
/// <param name="IsFlag">Whether it is on or off there.</param>
/// <param name="Interpret">What one of its values means; null when Lorikeet's own option takes it as it is.</param>
internal sealed record ForeignOption(string Name, bool IsFlag, Func<string, ForeignMeaning?> Interpret)
{
    /// <summary>What the name means, in a sentence.</summary>
    public string Explain() => Interpret(IsFlag ? "true" : "?") switch
    {
        ForeignMeaning.Same { Settings: [] } => "what Lorikeet does anyway.",
        ForeignMeaning.Same same =>
            $"the same as {string.Join(", ", same.Settings.Select(pair => $"'{pair.Name}: {pair.Value}'"))}.",
        ForeignMeaning.NoEffect none => $"has no effect here. {none.Reason}",
        ForeignMeaning.Refused refused => $"not taken. {refused.Reason}",
        _ => "taken as it is.",
    };
}

/// <summary>What a foreign name with its value means.</summary>
internal abstract record ForeignMeaning
{
    /// <summary>Options of Lorikeet with the same effect; none when the value is what Lorikeet does anyway.</summary>
    public sealed record Same(params IReadOnlyList<(string Name, string Value)> Settings) : ForeignMeaning
    {
        /// <summary>What is only nearly the same; null where all is.</summary>
        public string? Note { get; init; }
    }

    /// <summary>Nothing to set here; the reason is said as a warning.</summary>
    public sealed record NoEffect(string Reason) : ForeignMeaning;

    /// <summary>Asks for something that would change the result and is not there.</summary>
    public sealed record Refused(string Reason) : ForeignMeaning
    {
        /// <summary>Whether its value is not to be repeated, in a message or anywhere.</summary>
        public bool IsSecret { get; init; }
    }
}
