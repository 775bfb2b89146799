using System.Globalization;
using Lorikeet.Data.Encoded;
using Lorikeet.Formats;
using Lorikeet.Training;

namespace Lorikeet.Runs.Reports;

/// <summary>
/// Everything a report of a run says; <see cref="MarkdownReport"/> and <see cref="HtmlReport"/> write it down.
/// </summary>
public sealed record RunReport
{
    /// <summary>What was done, in a few words: <c>nano-base, fine-tuned on facts-qa</c>.</summary>
    public required string Title { get; init; }

    /// <summary>When the run ended.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The model, the rows and tokens, the steps.</summary>
    public required RunSummary Summary { get; init; }

    /// <summary>How the run ended.</summary>
    public required TrainingResult Result { get; init; }

    /// <summary>Every step and evaluation, those before a resume included: <see cref="RunHistory.Read"/>.</summary>
    public required RunHistory History { get; init; }

    /// <summary>Where the data came from: files or hub ids, and the shape that was found in them.</summary>
    public required string Dataset { get; init; }

    /// <summary>How long the training rows are, in tokens; empty when that is not to be drawn.</summary>
    public IReadOnlyList<LengthBin> Lengths { get; init; } = [];

    /// <summary>The settings that matter for the result, in the order to show them.</summary>
    public IReadOnlyList<ReportSetting> Settings { get; init; } = [];

    /// <summary>Scores of the base and of the tuned model; empty when nothing was scored.</summary>
    public IReadOnlyList<ComparedScore> Scores { get; init; } = [];

    /// <summary>Questions with the answers before and after; empty when there are none.</summary>
    public IReadOnlyList<ComparedAnswer> Answers { get; init; } = [];

    /// <summary>What the user may intend but should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The exact commands to go on with.</summary>
    public IReadOnlyList<NextCommand> NextCommands { get; init; } = [];

    /// <summary>Language of the headings: all of the Markdown report, and what the HTML report opens in.</summary>
    public ReportLanguage Language { get; init; } = ReportLanguage.English;

    /// <summary>Writes <c>report.md</c> and <c>report.html</c> into the run's folder.</summary>
    public void Write(RunFolder folder)
    {
        var report = ForOthers(folder.Folder);
        MarkdownReport.Write(report, folder.MarkdownReport);
        HtmlReport.Write(report, folder.HtmlReport);
    }

    /// <summary>
    /// The report without the places of this machine (<see cref="LocalPlaces"/>), for it is passed on.
    /// </summary>
    internal RunReport ForOthers(string runFolder) => this with
    {
        Title = LocalPlaces.Hide(Title),
        Summary = Summary with { Model = LocalPlaces.Name(Summary.Model) },
        Dataset = LocalPlaces.Hide(Dataset),
        Warnings = [.. Warnings.Select(LocalPlaces.Hide)],
        Settings = [.. Settings.Select(setting => setting with
        {
            Value = LocalPlaces.Hide(setting.Value), Origin = LocalPlaces.Hide(setting.Origin),
        })],
        NextCommands = [.. NextCommands.Select(next => next with
        {
            Command = LocalPlaces.HideIn(next.Command, runFolder),
        })],
    };
}

/// <summary>Languages that a report's headings come in.</summary>
public enum ReportLanguage
{
    /// <summary>English.</summary>
    English,

    /// <summary>Vietnamese.</summary>
    Vietnamese,
}

/// <summary>One setting of a run.</summary>
/// <param name="Name">The option's name, as in <c>run.yaml</c>.</param>
/// <param name="Value">Its value, as in <c>run.yaml</c>.</param>
/// <param name="Origin">Who set it: the default, the preset, the command line, a file and line.</param>
public sealed record ReportSetting(string Name, string Value, string Origin);

/// <summary>How a score is read.</summary>
public enum ScoreKind
{
    /// <summary>A share from 0 to 1, shown in percent; more is better.</summary>
    Share,

    /// <summary>A loss or perplexity; less is better.</summary>
    Cost,

    /// <summary>A reward, which may be any number; more is better.</summary>
    Reward,
}

/// <summary>A score before and after.</summary>
/// <param name="Name">For example <c>Exact match</c> or <c>Exact match, Vietnamese</c>.</param>
/// <param name="Base">The base's; null when it was not scored.</param>
/// <param name="Tuned">The tuned model's.</param>
/// <param name="Kind">How to read them.</param>
public sealed record ComparedScore(string Name, double? Base, double Tuned, ScoreKind Kind = ScoreKind.Share)
{
    /// <summary>A value of this score as it is shown: a share in percent, a loss with its decimals.</summary>
    /// <param name="value">The base's or the tuned model's.</param>
    public string Show(double value) =>
        Kind switch
        {
            ScoreKind.Share => Quantities.Percent(value),
            ScoreKind.Cost => Quantities.Loss(value),
            _ => value.ToString("0.000", CultureInfo.InvariantCulture),
        };
}

/// <summary>A question with what the base and the tuned model answered.</summary>
/// <param name="Question">The question.</param>
/// <param name="Expected">The reference answer, when there is one.</param>
/// <param name="Before">The base's answer.</param>
/// <param name="After">The tuned model's answer.</param>
/// <param name="BeforeIsCorrect">Whether the base answered as expected; null when that was not judged.</param>
/// <param name="AfterIsCorrect">Whether the tuned model did.</param>
public sealed record ComparedAnswer(
    string Question, string? Expected, string Before, string After, bool? BeforeIsCorrect = null,
    bool? AfterIsCorrect = null);
