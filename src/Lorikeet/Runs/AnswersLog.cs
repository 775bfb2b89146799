using System.Text;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// Writes <c>answers.jsonl</c>, one line an answer of <see cref="QuestionsAnswered"/>, and reads it. A resumed run
/// leaves out what was answered after the step it resumes from.
/// </summary>
/// <param name="path">The file.</param>
public sealed class AnswersLog(string path) : ITrainingObserver
{
    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        switch (trainingEvent)
        {
            case RunStarted { Summary.FirstStep: var first }:
                Keep(first);
                break;
            case QuestionsAnswered { Step: var step, Answers: { Count: > 0 } answers }:
                var lines = string.Concat(answers.Select(answer => Line(step, answer) + "\n"));
                StorageFault.Writing(path, () => File.AppendAllText(path, lines));
                break;
        }
    }

    /// <summary>All answers of a file by their steps; none where there is no file.</summary>
    /// <param name="answersFile">The file; a last line that a crash cut short is left out.</param>
    /// <exception cref="CheckpointException">A line is not one of ours.</exception>
    public static IReadOnlyList<QuestionsAnswered> Read(string answersFile)
    {
        if (!File.Exists(answersFile))
            return [];
        var text = File.ReadAllText(answersFile);
        var lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return
        [
            .. lines.Select((line, index) => Parse(line, index + 1, answersFile)).GroupBy(read => read.Step)
                .Select(read => new QuestionsAnswered(read.Key, Newest([.. read.Select(one => one.Answer)]))),
        ];
    }

    /// <summary>An evaluation and the end of a run may ask after the same step.</summary>
    private static IReadOnlyList<GivenAnswer> Newest(IReadOnlyList<GivenAnswer> answers) =>
        [.. answers.GroupBy(answer => answer.Question).Select(same => same.Last())];

    private void Keep(int firstStep)
    {
        if (!File.Exists(path))
            return;
        var kept = firstStep == 0 ? [] : Read(path).Where(answered => answered.Step <= firstStep);
        var text = string.Concat(kept.SelectMany(
            answered => answered.Answers.Select(answer => Line(answered.Step, answer) + "\n")));
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
    }

    private static string Line(int step, GivenAnswer answer) => JsonLine.Of(json =>
    {
        json.WriteNumber("step", step);
        json.WriteString("question", answer.Question);
        if (answer.Expected is { } expected)
            json.WriteString("expected", expected);
        json.WriteString("answer", answer.Answer);
        if (answer.IsCorrect is { } correct)
            json.WriteBoolean("correct", correct);
    });

    private static (int Step, GivenAnswer Answer) Parse(string text, int number, string path)
    {
        var line = JsonSetting.Parse(text, new JsonOrigin(path)
        {
            FirstLine = number,
            Advice = "One JSON object with 'step', 'question' and 'answer' was expected. Remove the line.",
        }).RequireObject();
        return (line["step"].AsIntBetween(0, int.MaxValue), new GivenAnswer(
            line["question"].AsString(), line["expected"].AsStringOrNull(),
            line["answer"].AsString(), line["correct"].AsBoolOrNull()));
    }
}
