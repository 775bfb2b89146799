namespace Lorikeet.Hub.ModelCards;

/// <summary>What a model card says: where the weights come from, how they were made, how good they are.</summary>
public sealed record ModelCard
{
    /// <summary>The question of a card that names none.</summary>
    public const string DefaultQuestion = "What is the capital of Vietnam?";

    /// <summary>The heading.</summary>
    public required string Title { get; init; }

    /// <summary>What the repository holds.</summary>
    public required CardSubject Subject { get; init; }

    /// <summary>Hub id of the model that was fine-tuned; a local folder's name where it has none.</summary>
    public required string BaseModel { get; init; }

    /// <summary>
    /// Whether that is a local folder, which is not sent to the hub: it might take the name for a stranger's.
    /// </summary>
    public bool BaseIsLocal { get; init; }

    /// <summary>Hub id the card is for; a placeholder stands in the commands when it is not known yet.</summary>
    public string? Id { get; init; }

    /// <summary>A sentence or two under the heading.</summary>
    public string? Summary { get; init; }

    /// <summary>Hub ids of the datasets it was trained on; names that are no ids are left to the body.</summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>Languages by their ISO 639-1 codes.</summary>
    public IReadOnlyList<string> Languages { get; init; } = [];

    /// <summary>The licence by the hub's identifier, such as <c>apache-2.0</c>; null leaves it out.</summary>
    public string? License { get; init; }

    /// <summary>Tags beside those that every card of its kind has.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>A question to show in the commands.</summary>
    public string Question { get; init; } = DefaultQuestion;

    /// <summary>That question as training rendered it; null when the tokenizer's chat template renders it.</summary>
    public string? Prompt { get; init; }

    /// <summary>How the program is called in the command that the card shows.</summary>
    /// <value><c>lorikeet</c>, as it is installed.</value>
    public string Program { get; init; } = "lorikeet";

    /// <summary>How it was trained, in rows of name and value.</summary>
    public IReadOnlyList<CardFact> Training { get; init; } = [];

    /// <summary>How it did on data it was not trained on.</summary>
    public IReadOnlyList<CardScore> Scores { get; init; } = [];
}

/// <summary>What the repository of a card holds.</summary>
public enum CardSubject
{
    /// <summary>A PEFT adapter, which needs its base model.</summary>
    Adapter,

    /// <summary>A whole model.</summary>
    Model,
}

/// <summary>A row of a table.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">Its value as text.</param>
public sealed record CardFact(string Name, string Value);

/// <summary>A measurement before and after fine-tuning.</summary>
/// <param name="Name">What was measured, with its unit.</param>
/// <param name="Base">The base model's value as text; null when it was not measured.</param>
/// <param name="Tuned">The value of this model as text.</param>
public sealed record CardScore(string Name, string? Base, string Tuned);
