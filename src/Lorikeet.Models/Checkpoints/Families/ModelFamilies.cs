using Lorikeet.Formats.Json;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>The families that are known.</summary>
internal static class ModelFamilies
{
    private static readonly ModelFamily[] s_all =
    [
        new Llama(), new Mistral(), new Ministral(), new Qwen2(), new Qwen3(), new Qwen3Moe(), new Gemma2(),
        new Gemma3(), new Phi3(), new SmolLm3(), new Olmo2(), new Granite(),
    ];

    /// <summary>All <c>model_type</c>s.</summary>
    public static IEnumerable<string> ModelTypes => s_all.Select(family => family.ModelType);

    /// <summary>The family of that <c>model_type</c>; null when there is none.</summary>
    public static ModelFamily? Find(string modelType) =>
        Array.Find(s_all, family => family.ModelType == modelType);

    /// <summary>The family of the text part of a model that sees images too; null for other models.</summary>
    /// <param name="config">config.json.</param>
    public static ModelFamily? OfTextPart(JsonSetting config) =>
        Array.Find(s_all, family => family.HasWhole && TextPart.IsIn(config, family.ModelType));

    /// <summary>What GGUF files have as architecture.</summary>
    public static IEnumerable<string> GgufArchitectures =>
        s_all.Select(family => family.GgufArchitecture).OfType<string>().Distinct();

    /// <summary>The families of a GGUF file's architecture, the one that says least first.</summary>
    public static IEnumerable<ModelFamily> OfGguf(string architecture) =>
        s_all.Where(family => family.GgufArchitecture == architecture);

    /// <summary>The family of a model.</summary>
    public static ModelFamily Of(ModelConfig config) => Find(config.ModelType)
        ?? throw new ArgumentException($"'{config.ModelType}' is no model type that is known.", nameof(config));
}
