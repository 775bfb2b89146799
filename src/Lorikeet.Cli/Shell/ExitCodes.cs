using Lorikeet.Text.ChatTemplates;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// What the process exits with: 0 done, 1 failed, 2 wrong usage, options or input, 3 wrong environment.
/// </summary>
internal static class ExitCodes
{
    public const int Failed = 1;
    public const int WrongInput = 2;
    public const int WrongEnvironment = 3;

    /// <summary>The code of an error.</summary>
    public static int Of(LorikeetException fault) => fault switch
    {
        DeviceException or StorageException { IsEnvironmental: true } or HubException { IsNotFound: false } =>
            WrongEnvironment,
        StorageException or HubException or ConfigurationException or DatasetException or CheckpointException or
            ReadingLimitException or ChatTemplateException => WrongInput,
        _ => Failed,
    };
}
