using Lorikeet.Data.Prompts;
using Lorikeet.Models.Generation;

namespace Lorikeet.Serving;

/// <summary>A base or one of its adapters, as it can be asked by name.</summary>
public sealed record ServedModel
{
    /// <summary>What requests call it.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the base that an adapter is on; null for the base itself.</summary>
    public string? Base { get; init; }

    /// <summary>The folder or file that it was read from; null for an adapter that was made in memory.</summary>
    public string? Source { get; init; }

    /// <summary>When it was loaded, or replaced last.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>How conversations are written out for it.</summary>
    public required PromptFormat Format { get; init; }

    /// <summary>
    /// How it answers when nothing else is asked for; see <see cref="LanguageModel.GenerationDefaults"/>.
    /// </summary>
    public required GenerationOptions Generation { get; init; }

    /// <summary>Most tokens of a prompt and its answer together.</summary>
    public required int MaxLength { get; init; }
}
