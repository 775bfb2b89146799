using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>What a folder made from another model's folder has in common with it.</summary>
internal static unsafe class ModelFiles
{
    /// <summary>The weights of a model folder or of a GGUF file, under Hugging Face's names.</summary>
    /// <exception cref="CheckpointException">
    /// There are none, or a file is damaged; when read, if one is not finite.
    /// </exception>
    /// <param name="model">The folder or file.</param>
    /// <param name="checks">Whether files with a checksum are read and held against it.</param>
    public static ITensorSource OpenWeights(string model, bool checks = true) =>
        ModelFolder.Open(model).OpenWeights(checks);

    /// <summary>Refuses to write over a folder that holds something.</summary>
    public static void RequireNew(string folder, bool overwrite)
    {
        if (overwrite || !Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any())
            return;
        throw new ConfigurationException(
            $"'{folder}' is not empty. A new folder was expected, because its content would be replaced. Where: " +
            "'output'. Name another, or set 'overwrite_output_dir'.");
    }

    /// <summary>Copies the tokenizer and generation_config.json.</summary>
    public static void CopyCompanions(string from, string to)
    {
        TokenizerFiles.Copy(from, to);
        var generation = Path.Combine(from, "generation_config.json");
        if (File.Exists(generation))
            File.Copy(generation, Path.Combine(to, "generation_config.json"), overwrite: true);
    }

    /// <summary>Writes config.json.</summary>
    public static void WriteConfig(string folder, JsonObject config) =>
        AtomicFile.WriteText(Path.Combine(folder, "config.json"), PythonJson.Indented(config));

    /// <summary>
    /// Names the type of the weights, under the key the file already has (dtype, or torch_dtype before 5).
    /// </summary>
    public static void SetType(JsonObject config, ScalarType type) =>
        config[config.ContainsKey("torch_dtype") && !config.ContainsKey("dtype") ? "torch_dtype" : "dtype"] =
            type.ToString().ToLowerInvariant();

    /// <summary>A tensor that is computed only when its turn to be written comes.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">The type it is stored in; what <paramref name="value"/> gives is cast to it.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="value">Computes it, in any type on any device; the writer disposes it.</param>
    public static TensorToWrite Deferred(string name, ScalarType type, long[] shape, Func<Tensor> value) =>
        new(name, TensorFile.ToStored(type), shape, stream =>
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var local = value().detach().to_type(type).cpu().contiguous();
            TensorToWrite.FromPointer(name, TensorFile.ToStored(type), shape, TensorMemory.Pointer(local))
                .Write(stream);
        });
}
