namespace Lorikeet.Models.Native;

/// <summary>Where things lie that are made once per machine and can be made again.</summary>
internal static class UserCache
{
    /// <summary>The folder of the XDG base directory specification: <c>~/.cache/lorikeet</c> unless XDG_CACHE_HOME is set.</summary>
    public static string Folder
    {
        get
        {
            var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (string.IsNullOrEmpty(cache))
                cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(cache, "lorikeet");
        }
    }
}
