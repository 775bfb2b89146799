namespace Lorikeet.Models;

/// <summary>Turns what the user named, a folder or a hub id, into a local folder.</summary>
internal static class ModelSource
{
    /// <summary>The folder of a model or adapter.</summary>
    public static string Resolve(string folderOrId, string? revision)
    {
        if (Directory.Exists(folderOrId)) return folderOrId;
        throw new CheckpointException($"'{folderOrId}' (revision {revision ?? "main"}) is not a folder. Where: --model. Check the path.");
    }

    /// <summary>The folder of a dataset.</summary>
    public static string ResolveDataset(string id) =>
        throw new DatasetException($"'{id}' is not a file or folder. Where: --dataset. Check the path.");
}
