namespace Lorikeet.Data.Shapes;

/// <summary>A column a shape reads.</summary>
/// <param name="Name">The name messages and <c>column_map</c> use.</param>
/// <param name="Aliases">Other names it is known by; upper case, spaces and hyphens make no difference.</param>
internal sealed record Column(string Name, params string[] Aliases)
{
    /// <summary>Whether a row may lack it.</summary>
    public bool IsOptional { get; init; }

    /// <summary>As the list of shapes shows it: <c>answers|answer</c>, optional ones in brackets.</summary>
    public override string ToString()
    {
        var names = string.Join('|', [Name, .. Aliases]);
        return IsOptional ? $"[{names}]" : names;
    }
}
