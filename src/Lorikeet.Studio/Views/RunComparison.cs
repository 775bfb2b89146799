using Lorikeet.Configuration;
using Lorikeet.Runs;
using Lorikeet.Studio.Work;

namespace Lorikeet.Studio.Views;

/// <summary>Runs beside each other.</summary>
/// <param name="Names">Their names, in the order of all other lists.</param>
/// <param name="Runs">What their files say.</param>
public sealed record RunComparison(IReadOnlyList<string> Names, IReadOnlyList<RunReading> Runs)
{
    /// <summary>The options that are not the same in all of them, a value for each run.</summary>
    public IReadOnlyList<(string Option, IReadOnlyList<string> Values)> Differences =>
    [
        .. OptionCatalog.Training.Options.Where(option => option.Name is not ("output" or "run_name"))
            .Select(option => (option.Name, (IReadOnlyList<string>)
                [.. Runs.Select(run => run.Options is { } options ? option.TextIn(options.Options) : "?")]))
            .Where(option => option.Item2.Distinct().Count() > 1),
    ];

    /// <summary>
    /// Every question that some run was asked, with the newest answer of each; null where it was not.
    /// </summary>
    public IReadOnlyList<(string Question, string? Expected, IReadOnlyList<GivenAnswer?> Answers)> Answers
    {
        get
        {
            var newest = Runs.Select(run => run.Answers is [.., var last] ? last.Answers : []).ToList();
            return
            [
                .. newest.SelectMany(answers => answers).DistinctBy(answer => answer.Question)
                    .Select(one => (one.Question, one.Expected, To(one.Question))),
            ];

            IReadOnlyList<GivenAnswer?> To(string question) =>
                [.. newest.Select(answers => answers.FirstOrDefault(answer => answer.Question == question))];
        }
    }

    /// <summary>One curve of each run.</summary>
    /// <param name="curve">The curve of a history, which is given its name.</param>
    public IReadOnlyList<Curve> Curves(Func<RunHistory, string, Curve> curve) =>
        [.. Runs.Zip(Names, (run, name) => curve(run.History, name)).Where(one => one.Points.Count > 0)];
}
