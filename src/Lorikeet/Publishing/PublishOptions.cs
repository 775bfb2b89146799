using Lorikeet.Formats.Options;

namespace Lorikeet.Publishing;

/// <summary>Options of <c>push</c>.</summary>
public sealed record PublishOptions
{
    /// <summary>Folder to publish: an adapter, a merged model, or the run that holds one of them.</summary>
    /// <value>Required.</value>
    [Option("folder", "adapter", "model", "folder_path", "model_name_or_path", "adapter_name_or_path",
        Placeholder = "DIR")]
    public string Folder { get; init; } = "";

    /// <summary>Repository on the hub: owner/name, or a name under the token's account. Created when missing.</summary>
    /// <value>Required.</value>
    [Option("repo", "repo_id", "hub_model_id", "upload_repo", Placeholder = "ID")]
    public string Repository { get; init; } = "";

    /// <summary>Make a new repository visible to its owner only.</summary>
    /// <value>Off, as on the hub.</value>
    [Option("private", "hub_private_repo")]
    public bool Private { get; init; }

    /// <summary>Branch to commit to; created when missing.</summary>
    /// <value>main. Every repository has it.</value>
    [Option("revision", "hub_revision", "branch", Apart = "it is written, not read")]
    public string Revision { get; init; } = "main";

    /// <summary>First line of the commit.</summary>
    /// <value>Upload with Lorikeet. Names the tool.</value>
    [Option("commit_message")]
    public string CommitMessage { get; init; } = "Upload with Lorikeet";

    /// <summary>Open a pull request instead of changing the branch.</summary>
    /// <value>Off.</value>
    [Option("create_pr")]
    public bool CreatePullRequest { get; init; }

    /// <summary>Write the model card, README.md, before; what others wrote in it stays.</summary>
    /// <value>On: the hub finds models by their cards.</value>
    [Option("model_card")]
    public bool WriteCard { get; init; } = true;

    /// <summary>Hub id of the model that was fine-tuned.</summary>
    /// <value>Not set: what the folder says. An adapter trained on a local folder is made to name this id.</value>
    [Option("base_model", Placeholder = "ID")]
    public string? BaseModel { get; init; }

    /// <summary>Licence by the hub's identifier, such as apache-2.0.</summary>
    /// <value>Not set: left out of the card; a card that names one keeps it.</value>
    [Option("license")]
    public string? License { get; init; }
}
