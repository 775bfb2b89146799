using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Upload;

/// <summary>What is checked of a folder before anything is sent.</summary>
internal static class PushCheck
{
    private const string AdapterConfig = "adapter_config.json";
    // An adapter trained on a local folder has it, whatever the name of that folder looks like.
    private const string LocalBase = "base_model.json";
    private const string BaseKey = "base_model_name_or_path";

    /// <summary>The folder's files; an error when it is not one to publish.</summary>
    public static IReadOnlyList<UploadFile> Require(HubPush push)
    {
        if (!Repository.IsId(push.Id))
        {
            throw new ConfigurationException(
                $"'{push.Id}' cannot be the id of a repository. 'owner/name' was expected. Correct it.");
        }
        if (!Directory.Exists(push.Folder))
        {
            throw new ConfigurationException(
                $"'{push.Folder}' is not a folder. The folder of an adapter or model was expected. Check the path.");
        }
        var files = UploadFile.FindAll(push.Folder);
        if (files.Count == 0)
            throw new ConfigurationException($"The folder '{push.Folder}' has no files to push. Check the path.");
        RequireBase(Path.Combine(push.Folder, AdapterConfig));
        return files;
    }

    /// <summary>An adapter whose base is a folder of this machine can be loaded nowhere else.</summary>
    private static void RequireBase(string path)
    {
        if (!File.Exists(path))
            return;
        var config = HubAnswer.Parse(File.ReadAllBytes(path), problem => new CheckpointException(
            $"{path} is not an adapter configuration: {problem}. Correct it before it is pushed."));
        var name = config.Find(BaseKey)?.Text;
        var isLocal = File.Exists(Path.Combine(Path.GetDirectoryName(path)!, LocalBase));
        if (name is null || (Repository.IsId(name) && !Directory.Exists(name) && !isLocal))
            return;
        throw new ConfigurationException(
            $"{path} names '{name}' as its base model, a folder of this machine. The base's id on the hub was " +
            $"expected, or no one else could load the adapter. Set '{BaseKey}' to it, or give it as 'base_model'.");
    }
}
