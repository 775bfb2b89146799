using Lorikeet.Data.Prompts;
using Lorikeet.Models.Lora;

namespace Lorikeet;

/// <summary>An adapter of a <see cref="LanguageModel"/>, and what is known of it.</summary>
/// <param name="adapter">The adapter.</param>
/// <param name="folder">Where it was loaded from or will be saved; null for a combination.</param>
/// <param name="format">How it is asked; null where it was trained elsewhere.</param>
internal sealed class LoadedAdapter(Adapter adapter, string? folder, PromptFormat? format)
{
    public Adapter Adapter => adapter;

    public string? Folder => folder;

    public PromptFormat? Format { get; set; } = format;

    public DateTimeOffset Loaded { get; } = TimeProvider.System.GetUtcNow();

    /// <summary>How many use it now.</summary>
    public int Users { get; set; }

    /// <summary>Whether its name was taken from it, so that the last of its users frees it.</summary>
    public bool IsGone { get; set; }

    /// <summary>Whether a run moves it, so that what answers is a copy of it.</summary>
    public bool IsTrained { get; set; }

    /// <summary>What it was after the last finished step, once somebody asked for it; null before.</summary>
    public LoadedAdapter? Copy { get; set; }
}
