
namespace Lorikeet.Models.Decoder;

/// <summary>
/// Configurations of published models, as in their config.json: shapes to plan for and to measure on without a
/// download.
/// </summary>
public static class ModelShapes
{
    private static readonly Dictionary<string, ModelConfig> s_shapes = new()
    {
        ["llama2-7b"] = Llama(32000, 4096, 11008, 32, 32, 32),
        ["llama2-13b"] = Llama(32000, 5120, 13824, 40, 40, 40),
        ["llama2-70b"] = Llama(32000, 8192, 28672, 80, 64, 8),
        ["llama3-8b"] = Llama(128256, 4096, 14336, 32, 32, 8) with { Rope = new RopeSettings { Theta = 500000 } },
        ["llama3.2-1b"] = Llama(128256, 2048, 8192, 16, 32, 8) with
        {
            TiedEmbeddings = true,
            Rope = new RopeSettings { Theta = 500000 }
        },
        ["tinyllama-1.1b"] = Llama(32000, 2048, 5632, 22, 32, 4),
        ["stories-15m"] = Llama(32000, 288, 768, 6, 6, 6),
        ["nano-7m"] = Llama(4096, 256, 704, 8, 8, 4) with { TiedEmbeddings = true },
    };

    /// <summary>The names that <see cref="Find"/> knows, such as <c>llama2-7b</c> and <c>tinyllama-1.1b</c>.</summary>
    public static IReadOnlyCollection<string> Names => s_shapes.Keys;

    /// <summary>The configuration of that name: sizes, head counts and RoPE, with room for 4096 positions.</summary>
    /// <param name="name">One of <see cref="Names"/>, in lower case.</param>
    /// <exception cref="ConfigurationException">The name is none of them; the message lists them.</exception>
    public static ModelConfig Find(string name) => s_shapes.GetValueOrDefault(name)
        ?? throw new ConfigurationException(
            $"'shape' is '{name}'. Expected one of: {string.Join(", ", Names)}.");

    private static ModelConfig Llama(int vocabulary, int hidden, int inner, int layers, int heads, int keyValueHeads) =>
        new()
        {
            ModelType = "llama",
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            IntermediateSize = inner,
            LayerCount = layers,
            HeadCount = heads,
            KeyValueHeadCount = keyValueHeads,
            HeadSize = hidden / heads,
            NormEpsilon = 1e-5,
            Rope = new RopeSettings(),
            MaxPositions = 4096,
            Source = [],
        };
}
