namespace Lorikeet.Runs.Reports;

/// <summary>What a command is for.</summary>
public enum CommandPurpose
{
    /// <summary>Answer one question.</summary>
    Generate,

    /// <summary>Talk with the tuned model.</summary>
    Chat,

    /// <summary>Score the tuned model against the base.</summary>
    Evaluate,

    /// <summary>Merge the adapter into a full model.</summary>
    Merge,

    /// <summary>Predict what a run will take.</summary>
    Plan,

    /// <summary>Train as a file says.</summary>
    Train,

    /// <summary>Go on training from the last checkpoint.</summary>
    Resume,

    /// <summary>Open the report.</summary>
    OpenReport,
}

/// <summary>A command to go on with, ready to be typed.</summary>
/// <param name="Purpose">What it is for.</param>
/// <param name="Command">The whole command line.</param>
public sealed record NextCommand(CommandPurpose Purpose, string Command)
{
    /// <summary>What it is for, in words: "Ask one question".</summary>
    /// <param name="language">The language; one that mixes both is English here.</param>
    public string Title(ReportLanguage language) => ReportText.Purpose(Purpose).In(language);
}
