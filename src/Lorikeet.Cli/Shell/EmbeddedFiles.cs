namespace Lorikeet.Cli.Shell;

/// <summary>Finds the files that come with the program, from whatever folder it is started in.</summary>
internal static class EmbeddedFiles
{
    /// <summary>A path under the folder that holds <c>assets</c>: the repository, or the program's own.</summary>
    public static string Find(params string[] parts)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine([folder.FullName, .. parts]);
            if (Path.Exists(path))
                return path;
        }

        throw new CheckpointException(
            $"'{Path.Combine(parts)}' was not found above '{AppContext.BaseDirectory}'. It comes with the " +
            "repository; clone it again.");
    }

    /// <summary>A path as given when it exists from here, else the embedded file of that name.</summary>
    public static string Locate(string path) =>
        Path.Exists(path) ? path : Path.GetRelativePath(Environment.CurrentDirectory, Find(path.Split('/')));
}
