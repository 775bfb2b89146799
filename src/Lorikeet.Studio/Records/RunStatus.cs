namespace Lorikeet.Studio.Records;

/// <summary>How a run stands.</summary>
public enum RunStatus
{
    /// <summary>It waits for those before it.</summary>
    Queued,

    /// <summary>The studio runs it.</summary>
    Running,

    /// <summary>It waits between two steps, in memory.</summary>
    Paused,

    /// <summary>Another process runs it, such as the command line.</summary>
    Elsewhere,

    /// <summary>It was stopped or cut off, and can go on.</summary>
    Interrupted,

    /// <summary>It came to its end.</summary>
    Finished,

    /// <summary>A fault ended it.</summary>
    Failed,
}
