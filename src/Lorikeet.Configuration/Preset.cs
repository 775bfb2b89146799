using System.Reflection;

namespace Lorikeet.Configuration;

/// <summary>Named values to start from.</summary>
/// <param name="Name">What <c>--preset</c> takes.</param>
/// <param name="Summary">What it is for.</param>
/// <param name="Notes">What a user of it should know; shown when a run begins.</param>
internal sealed record Preset(string Name, string Summary, IReadOnlyList<string> Notes)
{
    /// <summary>The options tree's own defaults.</summary>
    public static Preset Recommended { get; } = new("recommended", "the defaults, each with its reason", []);

    /// <summary>The tutorial whose numbers people compare with.</summary>
    public static Preset Seed2023 { get; } = new("seed-2023", "the settings of the 2023 Llama 2 QLoRA tutorial",
    [
        "Kept: lr_scheduler_type is constant, which ignores warmup_ratio. Use constant_with_warmup to warm up.",
        "Kept: no end token is added and the question is learned like the answer. 'append_eos: true' and "
            + "'train_on: answer' fix that.",
        "Kept: rows are grouped by length, which makes the loss curve a saw.",
        "Kept: hidden states in float32, and activations are recomputed: slow, and exact.",
        "Kept: no held-out rows. 'test_size: 0.1' measures whether the model learns or memorises.",
        "Fixed: an end token in the data is learned; there, pad = eos hid it from the loss.",
        "Fixed: training and generation begin with one begin token; there, training had two.",
        "Fixed: 4-bit layers multiply in float32 too; bnb_4bit_compute_dtype float16 overflows without loss scaling.",
        "Fixed: the loss is weighted by tokens over accumulated batches; the logged rate is the one the step used.",
        "Fixed: the run resumes exactly, optimizer included; the adapter is safetensors; no [PAD] token is added; "
            + "'merge' starts from the full-precision base.",
    ]);

    /// <summary>All presets.</summary>
    public static IReadOnlyList<Preset> All { get; } = [Recommended, Seed2023];

    /// <summary>The preset with this name, or null.</summary>
    public static Preset? Find(string name) => All.FirstOrDefault(preset => preset.Name == name);

    /// <summary>Its settings; empty for the defaults themselves.</summary>
    public IReadOnlyList<FileEntry> Entries()
    {
        var resource = $"Lorikeet.Configuration.Presets.{Name}.yaml";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource);
        if (stream is null)
            return [];
        using var text = new StreamReader(stream);
        return ConfigurationFile.Parse(text, Name);
    }
}
