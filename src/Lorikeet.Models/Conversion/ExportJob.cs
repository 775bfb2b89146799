using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;

namespace Lorikeet.Models.Conversion;

/// <summary>
/// Writes a model, with its adapter merged, or an adapter alone as GGUF, reads the file back, and keeps it only when it
/// holds the same model.
/// </summary>
public sealed class ExportJob
{
    // Of what an adapter adds, in parts of the largest element: far above rounding to 8 bits.
    private const double AllowedOfAdapter = 1e-2;

    private readonly ExportOptions _options;
    private readonly bool _forOllama;
    private readonly ExportSource _source;

    /// <summary>Checks the options, and resolves model and adapter.</summary>
    /// <param name="options">What is exported, where to, and in which type.</param>
    /// <param name="forOllama">
    /// Whether the output is a folder with a Modelfile, from which <c>ollama create</c> makes a model.
    /// </param>
    /// <exception cref="LorikeetException">Something is missing, damaged, or contradicts itself.</exception>
    public ExportJob(ExportOptions options, bool forOllama = false)
    {
        (_options, _forOllama) = (options, forOllama);
        if (forOllama)
            RequireFolder(options);
        else
            ExportSource.RequireFile(options.Output, options.Overwrite);
        LibTorch.Load(options.LibTorch);
        _source = ExportSource.Resolve(options);
    }

    /// <summary>Writes the GGUF file and compares it with its source.</summary>
    /// <param name="note">Takes what the user should know meanwhile, in sentences.</param>
    /// <returns>What was written; where it did not pass, nothing was kept.</returns>
    /// <exception cref="CheckpointException">Base, adapter or tokenizer have no form in GGUF.</exception>
    public ExportResult Run(Action<string> note) => _options.AdapterOnly ? ExportAdapter() : ExportModel(note);

    private static void RequireFolder(ExportOptions options)
    {
        if (options.Output.Length == 0)
            throw new ConfigurationException("No output is named. Give a folder as 'output'.");
        if (options.AdapterOnly)
        {
            throw new ConfigurationException(
                "adapter_only is for gguf. Ollama's folder holds a whole model; leave it out.");
        }

        OutputPlace.RequireFolder("output", options.Output, isReplaced: true);
        ModelFiles.RequireNew(options.Output, options.Overwrite);
    }

    private ExportResult ExportModel(Action<string> note)
    {
        var outType = _source.Choose(_options.OutType);
        var file = _forOllama ? Path.Combine(_options.Output, OllamaExport.ModelFile) : _options.Output;
        ExportResult? result = null;
        if (_forOllama)
        {
            AtomicFolder.TryWrite(_options.Output, folder =>
                Write(Path.Combine(folder, OllamaExport.ModelFile),
                    export => OllamaExport.Write(export, _source, folder)));
        }
        else
        {
            AtomicFile.TryWrite(file, temporary => Write(temporary, export =>
            {
                export.Write(temporary);
                return export.Notes;
            }));
        }

        return result!;

        bool Write(string temporary, Func<ModelExport, IReadOnlyList<string>> write)
        {
            var notes = write(new ModelExport(_source, outType));
            var size = new FileInfo(temporary).Length;
            note($"The model is written ({WireNames.Of(outType)}, {Quantities.Bytes(size)}); comparing it with the " +
                "original.");
            var check = ExportCheck.Run(_source, temporary, outType, _options);
            result = new ExportResult
            {
                File = file,
                Bytes = size,
                OutType = outType,
                Notes = [.. notes, .. check.LlamaCpp?.Notes ?? []],
                Model = check,
                Passed = check.Passed,
            };
            return check.Passed;
        }
    }

    private ExportResult ExportAdapter()
    {
        using var export = new AdapterExport(_source, _options.OutType);
        var (difference, size) = (double.NaN, 0L);
        var passed = AtomicFile.TryWrite(_options.Output, temporary =>
        {
            export.Write(temporary);
            (difference, size) = (export.Verify(temporary), new FileInfo(temporary).Length);
            return difference <= AllowedOfAdapter;
        });
        return new ExportResult
        {
            File = _options.Output,
            Bytes = size,
            OutType = _options.OutType,
            AdapterDifference = difference,
            Passed = passed,
        };
    }
}
