using Lorikeet.Hub.ModelCards;

namespace Lorikeet.Runs.Reports;

/// <summary>The model card of what a run trained, as the hub shows it and PEFT leaves one beside an adapter.</summary>
internal static class RunCard
{
    /// <summary>Writes README.md into the folder of the adapter or model.</summary>
    /// <param name="report">What is known of the run.</param>
    /// <param name="folder">That folder.</param>
    /// <param name="isAdapter">Whether it holds an adapter.</param>
    /// <param name="datasets">What was trained on: files or hub ids.</param>
    /// <param name="question">A question to show in the commands.</param>
    /// <param name="prompt">That question as training rendered it.</param>
    /// <param name="program">How the program is called in the command that the card shows.</param>
    public static void Write(
        RunReport report, string folder, bool isAdapter, IReadOnlyList<string> datasets, string question, string prompt,
        string program)
    {
        // A path of this machine is of no use to others; the name of the folder says what it was.
        var model = report.Summary.Model;
        ModelCardFile.Write(
            new ModelCard
            {
                Title = report.Title,
                Subject = isAdapter ? CardSubject.Adapter : CardSubject.Model,
                BaseModel = Path.Exists(model) ? RunName.OfModel(model) : model,
                BaseIsLocal = Path.Exists(model),
                Datasets = [.. datasets.Where(dataset => !Path.Exists(dataset))],
                Question = question,
                Prompt = prompt,
                Program = program,
                Training =
                [
                    .. datasets.Where(Path.Exists).Select(file => new CardFact("data", Path.GetFileName(file))),
                    .. report.Settings.Select(setting => new CardFact(setting.Name, setting.Value)),
                ],
                Scores = [.. report.Scores.Select(score => new CardScore(
                    score.Name, score.Base is { } known ? score.Show(known) : null, score.Show(score.Tuned)))],
            },
            folder);
    }
}
