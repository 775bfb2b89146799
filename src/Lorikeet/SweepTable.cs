using Lorikeet.Runs.Reports;

namespace Lorikeet;

/// <summary>How the runs of a sweep compare, as a table of texts.</summary>
public static class SweepTable
{
    /// <summary>The columns.</summary>
    /// <param name="result">The sweep.</param>
    public static IReadOnlyList<string> Heads(SweepResult result) =>
        [.. SweepReport.Heads(result).Select(head => head.In(ReportLanguage.English))];

    /// <summary>A row for each run, the best one marked.</summary>
    /// <param name="result">The sweep.</param>
    public static IReadOnlyList<IReadOnlyList<string>> Rows(SweepResult result) =>
    [
        .. SweepReport.Rows(result).Select(
            row => (IReadOnlyList<string>)[.. row.Cells.Select(cell => cell.In(ReportLanguage.English))]),
    ];
}
