using Lorikeet.Configuration;
using Lorikeet.Runs;

namespace Lorikeet.Studio.Work;

/// <summary>What the files of one run say, read again only when they have grown.</summary>
/// <param name="folder">The run's folder.</param>
public sealed class RunReading(RunFolder folder)
{
    private long _metricsBytes = -1;
    private long _answersBytes = -1;

    /// <summary>Every step and evaluation.</summary>
    public RunHistory History { get; private set; } = new([], [], null);

    /// <summary>The answers to the run's questions, by step.</summary>
    public IReadOnlyList<QuestionsAnswered> Answers { get; private set; } = [];

    /// <summary>The run's options; null where it has none yet.</summary>
    public ResolvedOptions? Options { get; private set; }

    /// <summary>Why something could not be read; null where all was.</summary>
    public string? Fault { get; private set; }

    /// <summary>Reads what is new.</summary>
    /// <returns>Whether anything is.</returns>
    public bool Refresh()
    {
        try
        {
            var isNew = false;
            if (Grew(folder.MetricsFile, ref _metricsBytes))
                (History, isNew) = (RunHistory.Read(folder.MetricsFile), true);
            if (Grew(folder.AnswersFile, ref _answersBytes))
                (Answers, isNew) = (AnswersLog.Read(folder.AnswersFile), true);
            if (Options is null && File.Exists(folder.OptionsFile))
                (Options, isNew) = (OptionsResolver.Resolve(folder.OptionsFile, [], needsData: false), true);
            Fault = null;
            return isNew;
        }
        catch (Exception fault) when (fault is LorikeetException or IOException)
        {
            var isNew = Fault != fault.Message;
            Fault = fault.Message;
            return isNew;
        }
    }

    private static bool Grew(string file, ref long bytes)
    {
        var now = File.Exists(file) ? new FileInfo(file).Length : -1;
        if (now == bytes)
            return false;
        bytes = now;
        return now >= 0;
    }
}
