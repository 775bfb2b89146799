using Lorikeet.Data.Prompts;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Conversion;

/// <summary>What is exported: a base model, perhaps with an adapter.</summary>
/// <param name="Base">Folder or GGUF file of the base model.</param>
/// <param name="Adapter">The adapter, if any.</param>
/// <param name="Config">Shape of the base.</param>
/// <param name="Title">What to call it.</param>
internal sealed record ExportSource(string Base, AdapterFolder? Adapter, ModelConfig Config, string Title)
{
    /// <summary>Finds what the options name.</summary>
    /// <exception cref="LorikeetException">Something is missing or damaged.</exception>
    public static ExportSource Resolve(ExportOptions options)
    {
        var adapter = options.Adapter is null ? null : AdapterFolder.Open(ModelSource.Resolve(options.Adapter, null));
        var name = options.Model.Length > 0 || adapter is null ? options.Model : adapter.FindBase();
        if (string.IsNullOrEmpty(name))
        {
            throw new ConfigurationException(adapter is null
                ? "Nothing is named to export. Give a 'model', an 'adapter', or both."
                : $"The adapter '{adapter}' names no base model. Give it as 'model'.");
        }

        var folder = ModelSource.Resolve(name, options.Revision);
        var title = Path.GetFileName(Path.TrimEndingDirectorySeparator(name.Replace('\\', '/')));
        return new ExportSource(folder, adapter, ModelConfigFile.Load(folder), title.Length > 0 ? title : "model");
    }

    /// <summary>
    /// How the model is to be asked: as it was trained, else by the tokenizer's own template; null for neither.
    /// </summary>
    public PromptFormat? Format()
    {
        var tokenizer = ModelFolder.Open(Base).Tokenizer;
        return PromptFormat.TryLoad(Adapter?.Path ?? Base, tokenizer)
            ?? (tokenizer?.ChatTemplate is null ? null : PromptFormats.Create("tokenizer", tokenizer));
    }

    /// <summary>Refuses an output that exists, or that is no GGUF file.</summary>
    public static void RequireFile(string output, bool overwrite)
    {
        if (output.Length == 0)
            throw new ConfigurationException("No output is named. Give a file that ends in .gguf as 'output'.");
        if (Directory.Exists(output))
        {
            throw new ConfigurationException(
                $"'output' is '{output}', which is a folder. A file that ends in .gguf was expected, such as " +
                $"'{Path.Combine(output, "model.gguf")}'.");
        }

        if (!output.EndsWith(GgufFile.Extension, StringComparison.OrdinalIgnoreCase))
        {
            throw new ConfigurationException(
                $"'output' is '{output}'. A file that ends in .gguf was expected, such as " +
                $"'{output.TrimEnd('/', '\\')}.gguf'.");
        }

        if (File.Exists(output) && !overwrite)
        {
            throw new ConfigurationException(
                $"'{output}' exists. A new file was expected. Name another, or set 'overwrite'.");
        }
    }

    /// <summary>The type that auto stands for.</summary>
    public GgufOutType Choose(GgufOutType asked) => asked != GgufOutType.Auto ? asked
        : Config.StoredType == "bfloat16" ? GgufOutType.BF16
        : GgufOutType.F16;
}
