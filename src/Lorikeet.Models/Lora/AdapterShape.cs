using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Models.Lora;

/// <summary>Says that an adapter was trained on a base of other sizes.</summary>
internal static class AdapterShape
{
    /// <summary>The error.</summary>
    /// <param name="entry">A tensor of the adapter.</param>
    /// <param name="expected">What the model implies.</param>
    /// <param name="where">The adapter's folder, or what else names it.</param>
    public static CheckpointException Differs(TensorEntry entry, long[] expected, string? where) => new(
        $"The adapter '{where}' does not fit the model: its tensor '{entry.Name}' has shape " +
        $"[{string.Join(", ", entry.Shape)}], and the model and {AdapterConfig.FileName} imply " +
        $"[{string.Join(", ", expected)}]. {Advice(where)}");

    private static string Advice(string? folder)
    {
        var file = Path.Combine(folder ?? "", AdapterConfig.FileName);
        var named = File.Exists(file) ? JsonSetting.Read(file)["base_model_name_or_path"] : default;
        return named is { IsString: true } && named.AsString() is { Length: > 0 } trainedOn
            ? $"It was trained on '{trainedOn}': name that by 'model'."
            : "Name the model that it was trained on by 'model'.";
    }
}
