using System.Text.Json.Nodes;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>
/// A family of models: what its config.json means, and what its layer and its names have otherwise than Llama's. The
/// rest of the program asks the <see cref="ModelConfig"/> that it makes, never which family a model is of.
/// </summary>
internal abstract class ModelFamily
{
    /// <summary>What config.json has as <c>model_type</c>.</summary>
    public abstract string ModelType { get; }

    /// <summary>What config.json has as <c>architectures</c>.</summary>
    public abstract string Architecture { get; }

    /// <summary>What a GGUF file has as <c>general.architecture</c>; null where llama.cpp has no exact form.</summary>
    public virtual string? GgufArchitecture => GgufConfig.Llama;

    /// <summary>
    /// Whether llama.cpp rotates neighbours in a head, so that rows of queries and keys lie in another order
    /// (<see cref="HeadRows"/>).
    /// </summary>
    public virtual bool RotatesNeighboursInGguf => GgufArchitecture == GgufConfig.Llama;

    /// <summary>
    /// What a key of config.json means where it is absent, for keys whose meaning then is not that of Llama.
    /// </summary>
    public virtual JsonObject Defaults => [];

    /// <summary>Whether there are models that see images too and have such a decoder as their text part.</summary>
    public virtual bool HasWhole => false;

    /// <summary>Whether its models are mixtures of experts.</summary>
    public virtual bool HasExperts => false;

    /// <summary>Whether <c>partial_rotary_factor</c> has a meaning.</summary>
    public virtual bool RotatesPartially => false;

    /// <summary>
    /// Says over what the keys mean for this family, and what its layer has otherwise, whatever they say.
    /// </summary>
    /// <param name="shape">What the keys mean for Llama.</param>
    /// <param name="keys">Keys of config.json.</param>
    public virtual ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => shape;

    /// <summary>
    /// What llama.cpp computes otherwise than a model of this shape, as the end of "llama.cpp ..."; null when it
    /// computes the same, or what <see cref="GgufArchitecture"/> notes.
    /// </summary>
    public virtual string? WhyNotInGguf(ModelConfig config) => null;

    /// <summary>Metadata of a GGUF file beyond what every architecture has: key without architecture, value.</summary>
    public virtual IEnumerable<KeyValuePair<string, GgufValue>> GgufMetadata(ModelConfig config) => [];

    /// <summary>Says that metadata over in the keys of config.json.</summary>
    /// <param name="config">What the metadata that every architecture has came to.</param>
    /// <param name="settings">All metadata.</param>
    public virtual void ReadGguf(JsonObject config, GgufSettings settings)
    {
    }
}
