namespace Lorikeet.Models.Lora;

/// <summary>
/// A choice of modules as PEFT writes it: a list of names, or one text that is a regular expression or
/// <c>all-linear</c>. Exactly one of <see cref="Names"/> and <see cref="Pattern"/> is set, unless all are meant.
/// </summary>
public sealed class TargetModules
{
    private const string AllLinearName = "all-linear";

    private TargetModules(IReadOnlyList<string>? names, string? pattern) => (Names, Pattern) = (names, pattern);

    /// <summary>Every linear layer except the head.</summary>
    public static TargetModules AllLinear { get; } = new(null, null);

    /// <summary>Listed names: a module is meant when its name equals one or ends in "." and one.</summary>
    public IReadOnlyList<string>? Names { get; }

    /// <summary>Regular expression that must match a whole module name.</summary>
    public string? Pattern { get; }

    /// <summary>Whether every linear layer is meant.</summary>
    public bool IsAllLinear => Names is null && Pattern is null;

    /// <summary>Modules by name.</summary>
    public static TargetModules Named(params IReadOnlyList<string> names) => new(names, null);

    /// <summary>Modules whose whole name matches <paramref name="pattern"/>.</summary>
    public static TargetModules Matching(string pattern) => new(null, pattern);

    /// <summary>
    /// Reads what users write in one text: <c>all-linear</c>, names separated by commas, a single plain name (as peft's
    /// command lines take it), or else a regular expression.
    /// </summary>
    public static TargetModules Parse(string text)
    {
        if (text == AllLinearName)
            return AllLinear;
        var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return names.Length > 0 && names.All(IsPlainName) ? Named(names) : Matching(text);
    }

    /// <inheritdoc/>
    public override string ToString() => Pattern ?? (Names is null ? AllLinearName : string.Join(",", Names));

    private static bool IsPlainName(string text) =>
        text.All(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '.' or '-')
        && !text.Contains("..", StringComparison.Ordinal);
}
