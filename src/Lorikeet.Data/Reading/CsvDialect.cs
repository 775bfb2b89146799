namespace Lorikeet.Data.Reading;

/// <summary>How csv and tsv files are written, where it is not the usual way.</summary>
public sealed record CsvDialect
{
    /// <summary>Names of the columns of files without a header; empty where the first line names them.</summary>
    public IReadOnlyList<string> Columns { get; init; } = [];

    /// <summary>What separates cells; null to find it.</summary>
    public char? Separator { get; init; }

    /// <summary>What stands before a quote that is part of a cell; null where such quotes are doubled.</summary>
    public char? Escape { get; init; }

    /// <summary>What the options say.</summary>
    /// <exception cref="ConfigurationException">One of them is not one character.</exception>
    public static CsvDialect Of(DataOptions options) => new()
    {
        Columns = options.CsvColumns,
        Separator = Character("csv_separator", options.CsvSeparator),
        Escape = Character("csv_escape", options.CsvEscape),
    };

    private static char? Character(string option, string? text) => text switch
    {
        null => null,
        "\\t" => '\t',
        [var character and < '\x80'] and not ("\n" or "\r" or "\"") => character,
        _ => throw new ConfigurationException(
            $"{option} is '{text}'. One ASCII character was expected, such as ; or \\t, and no quote or line break."),
    };
}
