namespace Lorikeet.Data.Shapes;

/// <summary>A column a shape reads.</summary>
/// <param name="Name">The name messages use.</param>
/// <param name="Aliases">Other names it is known by; upper case, spaces and hyphens make no difference.</param>
internal sealed record Column(string Name, params string[] Aliases)
{
    /// <summary>The system prompt, before everything else.</summary>
    public static Column System { get; } = new("system", "system_prompt", "system_message") { IsOptional = true };

    /// <summary>Earlier turns of the conversation.</summary>
    public static Column History { get; } = new("history") { IsOptional = true };

    /// <summary>Descriptions of tools.</summary>
    public static Column Tools { get; } = new("tools", "functions") { IsOptional = true };

    /// <summary>Whether a row may lack it.</summary>
    public bool IsOptional { get; init; }

    /// <summary>Every name of it, that of messages first; <c>column_map</c> takes any.</summary>
    public IEnumerable<string> Names => Aliases.Prepend(Name);

    /// <summary>A name as it is compared with those of columns.</summary>
    public static string Normalize(string name) => name.Trim().ToLowerInvariant().Replace(' ', '_').Replace('-', '_');

    /// <summary>As the list of shapes shows it: <c>answers|answer</c>, optional ones in brackets.</summary>
    public override string ToString()
    {
        var names = string.Join('|', Names);
        return IsOptional ? $"[{names}]" : names;
    }
}
