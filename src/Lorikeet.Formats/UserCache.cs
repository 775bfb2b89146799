namespace Lorikeet.Formats;

/// <summary>
/// Where things lie that are made once per machine and can be made again: token caches, compiled kernels.
/// </summary>
public static class UserCache
{
    /// <summary>
    /// The folder <c>lorikeet</c> in <c>XDG_CACHE_HOME</c>; where that is not set, in the local application data of the
    /// account on Windows and in <c>~/.cache</c> elsewhere. It may be missing.
    /// </summary>
    public static string Folder
    {
        get
        {
            var home = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } named ? named
                : OperatingSystem.IsWindows()
                    ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(home, "lorikeet");
        }
    }
}
