using Lorikeet.Configuration;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Hub;
using Lorikeet.Hub.ModelCards;
using Lorikeet.Hub.Transport;
using Lorikeet.Hub.Upload;
using Lorikeet.Models.Lora;
using Lorikeet.Runs.Reports;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Publishing;

/// <summary>Publishes an adapter or a model on the hub, with a card that says what is known of it.</summary>
public sealed class PublishJob
{
    private const string AdapterConfigFile = "adapter_config.json";
    private const string BaseKey = "base_model_name_or_path";

    private readonly PublishOptions _options;
    private readonly string _folder;
    private readonly bool _isAdapter;

    /// <summary>Finds what is to be published; nothing is sent yet.</summary>
    /// <exception cref="ConfigurationException">
    /// A folder or a repository is not named, or the folder holds no model.
    /// </exception>
    public PublishJob(PublishOptions options)
    {
        _options = options;
        if (options.Folder.Length == 0)
        {
            throw new ConfigurationException(
                "No folder is named. Give that of an adapter, model or run as 'folder'.");
        }

        if (options.Repository.Length == 0)
            throw new ConfigurationException("No repository is named. Give its id, owner/name, as 'repo'.");
        (_folder, _isAdapter) = Find(options.Folder);
    }

    /// <summary>How the program is called in the command that the model card shows.</summary>
    /// <value><c>lorikeet</c>, as it is installed.</value>
    public string Program { get; init; } = "lorikeet";

    /// <summary>Writes the card and sends everything as one commit.</summary>
    /// <exception cref="HubException">The hub refuses, or cannot be reached; the message says what to do.</exception>
    public async Task<PushedCommit> RunAsync(IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        var before = _isAdapter && _options.BaseModel is { } name ? NameBase(name) : [];
        try
        {
            if (_options.WriteCard)
                ModelCardFile.Write(Card(), _folder);
            using var hub = new HubClient();
            return await hub.PushAsync(
                new HubPush
                {
                    Folder = _folder,
                    Id = _options.Repository,
                    IsPrivate = _options.Private,
                    Branch = _options.Revision,
                    Message = _options.CommitMessage,
                    CreatesPullRequest = _options.CreatePullRequest,
                },
                progress, cancellation);
        }
        catch
        {
            // What nobody else has yet still has to find its base here.
            foreach (var (file, text) in before)
                AtomicFile.WriteText(file, text);
            throw;
        }
    }

    /// <summary>The folder itself, or what a run left in it.</summary>
    private static (string Folder, bool IsAdapter) Find(string folder)
    {
        foreach (var candidate in (string[])[folder, Path.Combine(folder, "adapter"), Path.Combine(folder, "model")])
        {
            if (File.Exists(Path.Combine(candidate, AdapterConfigFile)))
                return (candidate, true);
            if (File.Exists(Path.Combine(candidate, "config.json")))
                return (candidate, false);
        }

        throw new ConfigurationException(
            $"'{folder}' has no {AdapterConfigFile} and no config.json. The folder of an adapter, of a model or of a " +
            "run was expected. Check the path.");
    }

    /// <summary>Names the base by its id; the result are the files that were changed, as they were.</summary>
    private IReadOnlyList<(string File, string Text)> NameBase(string name)
    {
        var path = Path.Combine(_folder, AdapterConfigFile);
        var place = Path.Combine(_folder, AdapterFolder.BaseFile);
        var config = JsonSetting.Read(path);
        if (config[BaseKey].AsStringOrNull() == name && !File.Exists(place))
            return [];
        List<(string, string)> before =
            [.. new[] { path, place }.Where(File.Exists).Select(file => (file, File.ReadAllText(file)))];
        var changed = config.ToObject();
        changed[BaseKey] = name;
        AtomicFile.WriteText(path, PythonJson.Indented(changed));
        File.Delete(place);
        return before;
    }

    private ModelCard Card()
    {
        var run = ReadRun();
        var datasets = run?.Options.Data.Datasets ?? [];
        return new ModelCard
        {
            Title = _options.Repository.Split('/')[^1],
            Subject = _isAdapter ? CardSubject.Adapter : CardSubject.Model,
            BaseModel = _options.BaseModel ?? BaseModel(run),
            Id = _options.Repository,
            License = _options.License,
            Datasets = [.. datasets.Where(IsOnHub)],
            Prompt = Prompt(),
            Program = Program,
            Training = run is null ? []
                : [.. ReportSettings.Of(run).Select(setting => new CardFact(setting.Name, setting.Value))],
        };
    }

    private string BaseModel(ResolvedOptions? run)
    {
        var (file, key) = _isAdapter ? (AdapterConfigFile, BaseKey) : ("config.json", "_name_or_path");
        var name = JsonSetting.Read(Path.Combine(_folder, file))[key].AsStringOrNull();
        if (string.IsNullOrEmpty(name))
            name = run?.Options.Model.Model ?? "";
        var isLocal = _isAdapter && File.Exists(Path.Combine(_folder, AdapterFolder.BaseFile));
        return IsOnHub(name) && !isLocal ? name : throw new ConfigurationException(
            $"'{_folder}' names '{name}' as the model that was fine-tuned, which is no id on the hub. Others " +
            "need that id: give it as 'base_model'. ('model_card' false leaves it out of a merged model.)");
    }

    private static bool IsOnHub(string name) => name.Contains('/') && HubClient.IsId(name) && !Path.Exists(name);

    /// <summary>The options of the run that the folder lies in, if it does.</summary>
    private ResolvedOptions? ReadRun()
    {
        var folder = Path.GetFullPath(Path.TrimEndingDirectorySeparator(_folder));
        var file = Path.Combine(Path.GetDirectoryName(folder)!, "run.yaml");
        return File.Exists(file) ? OptionsResolver.Resolve(file, []) : null;
    }

    /// <summary>
    /// The card's question as the adapter was trained to be asked; null where a chat template does it.
    /// </summary>
    private string? Prompt()
    {
        var tokenizer = Tokenizer.Exists(_folder) ? Tokenizer.Load(_folder) : null;
        return PromptFormat.TryLoad(_folder, tokenizer) is { Name: not "tokenizer" } format
            ? format.RenderPrompt(ModelCard.DefaultQuestion)
            : null;
    }
}
