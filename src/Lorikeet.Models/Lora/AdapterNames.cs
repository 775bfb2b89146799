namespace Lorikeet.Models.Lora;

/// <summary>Endings of adapter parameters after the name of their module, here and in PEFT's files.</summary>
internal static class AdapterNames
{
    public const string A = ".lora_A";
    public const string B = ".lora_B";
    public const string LoraBias = ".lora_B.bias";
    public const string Magnitude = ".lora_magnitude_vector";
    public const string EmbeddingA = ".lora_embedding_A";
    public const string EmbeddingB = ".lora_embedding_B";

    private const string Prefix = "base_model.model.";
    private const string Bias = ".bias";
    private const string Weight = ".weight";

    /// <summary>The name of a parameter in PEFT's files of today.</summary>
    /// <param name="parameter">Its name here.</param>
    /// <param name="isAdapted">Whether its module carries factors; PEFT wraps only such modules.</param>
    public static string InFile(string parameter, bool isAdapted = true) =>
        isAdapted ? Spellings(parameter).First() : Prefix + parameter;

    /// <summary>
    /// A parameter's names in PEFT's files, newest first; the last are those of a live model's state.
    /// </summary>
    public static IEnumerable<string> Spellings(string parameter)
    {
        if (Ends(A) || Ends(B))
            return [Prefix + parameter + Weight, Prefix + parameter + ".default" + Weight];
        if (Ends(LoraBias))
            return [Prefix + parameter, Prefix + parameter[..^Bias.Length] + ".default" + Bias];
        if (Ends(Magnitude))
            return [Prefix + parameter, Prefix + parameter + Weight, Prefix + parameter + ".default" + Weight];
        if (Ends(EmbeddingA) || Ends(EmbeddingB))
            return [Prefix + parameter, Prefix + parameter + ".default"];
        if (Ends(Bias))
            return [Prefix + parameter[..^Bias.Length] + ".base_layer.bias", Prefix + parameter];
        return [Prefix + parameter];

        bool Ends(string ending) => parameter.EndsWith(ending, StringComparison.Ordinal);
    }

    /// <summary>
    /// The names under which PEFT keeps the base's own matrix when it is, or is thought to be, of another size than
    /// that of the hub (<c>save_embedding_layers</c>).
    /// </summary>
    public static IEnumerable<string> OfBase(string module) =>
        [Prefix + module + ".base_layer" + Weight, Prefix + module + Weight];
}
