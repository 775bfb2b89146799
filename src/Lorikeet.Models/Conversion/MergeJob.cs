using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Conversion;

/// <summary>
/// Adds an adapter to its base model and checks the sum: writes the merged model, reads it back, and compares its
/// predictions with those of the base with the active adapter.
/// </summary>
public sealed class MergeJob
{
    /// <summary>Name of the file in the output folder that holds the <see cref="MergeCheck"/>.</summary>
    public const string ReportFile = "merge_report.json";

    private readonly MergeSourceOptions _options;
    private readonly AdapterFolder _adapter;
    private readonly string _base;
    private readonly ModelConfig _config;
    private readonly Device _device;
    private readonly MergeSettings _settings;
    private readonly ScalarType _probeType;

    /// <summary>Checks the options, and resolves the base model.</summary>
    /// <param name="options">Adapter, output, types and how the base is stored.</param>
    /// <exception cref="LorikeetException">Something is missing or contradicts itself.</exception>
    public MergeJob(MergeOptions options)
    {
        _options = options.Merge;
        if (_options.Adapter.Length == 0)
            throw new ConfigurationException("No adapter is named. Give the folder of a PEFT adapter as 'adapter'.");
        if (_options.Output.Length == 0)
            throw new ConfigurationException("No output is named. Give the folder of the merged model as 'output'.");
        ModelFiles.RequireNew(_options.Output, _options.Overwrite);
        _adapter = AdapterFolder.Open(_options.Adapter);
        var model = _options.Model.Length > 0 ? _options.Model : _adapter.FindBase();
        if (string.IsNullOrEmpty(model))
            throw new ConfigurationException("The adapter names no base model. Give it as 'model'.");

        _base = ModelSource.Resolve(model, _options.Revision);
        var folder = ModelFolder.Open(_base);
        _config = folder.Config;
        (_device, var trained) = folder.Prepare(new ModelOptions
        {
            TorchDtype = _options.TrainedType,
            Device = _options.Device,
            LibTorch = _options.LibTorch,
        });
        ScalarType? stored = _options.Type == ComputeType.Auto
            ? null
            : NativeTypes.Resolve(_options.Type, null, _device);
        _settings = new MergeSettings(Quantization(options), trained, stored);
        _probeType = _settings.Quantization.Kind == QuantizationKind.None
            ? NativeTypes.Resolve(_options.TrainedType, _config.StoredType, _device)
            : trained;
    }

    /// <summary>
    /// Writes the merged model beside its place, compares it with the unmerged one, leaves the figures in its folder,
    /// and gives it its name. A model that is not the unmerged one is removed, and what had the name stays as it was.
    /// </summary>
    /// <param name="note">Takes what the user should know meanwhile, in sentences.</param>
    /// <returns>The comparison; where it did not pass, nothing was written.</returns>
    /// <exception cref="LorikeetException">Base or adapter are damaged, or do not fit each other.</exception>
    public MergeCheck Run(Action<string> note)
    {
        MergeCheck? check = null;
        AtomicFolder.TryWrite(_options.Output, folder =>
        {
            using (var merge = new AdapterMerge(_base, _adapter, _settings))
            {
                merge.Fill(folder, ShardSize.Parse(_options.MaxShardSize));
                if (merge.Unties)
                {
                    note("Head and embedding were one matrix and now differ: tie_word_embeddings is false, both are " +
                        "written.");
                }
            }

            note("The model is written; comparing it with the unmerged model.");
            check = Verify(folder);
            return check.Passed;
        });
        return check!;
    }

    private MergeCheck Verify(string folder)
    {
        var prompts = ProbePrompts.For(_config, ModelFolder.Open(_base).Tokenizer);
        using var scope = NewDisposeScope();
        var unmerged = Logits(_base, _settings.Quantization, _adapter, prompts);
        var merged = Logits(folder, QuantizationSettings.None, null, prompts);
        var check = MergeCheck.Compare(unmerged, merged, CoarsestType(folder));
        AtomicFile.WriteText(Path.Combine(folder, ReportFile), check.ToJson() + "\n");
        return check;
    }

    private List<Tensor> Logits(
        string folder, QuantizationSettings stored, AdapterFolder? adapter, IReadOnlyList<int[]> prompts)
    {
        using var model = ModelLoader.Load(folder, new LoadSettings(_probeType, _device, stored));
        if (adapter is not null)
            Adapter.Load(model, adapter);
        return [.. prompts.Select(prompt => model.Forward(prompt, [0, prompt.Length]).cpu())];
    }

    /// <summary>Of the types the merged weights are stored and both models compute in.</summary>
    private ScalarType CoarsestType(string folder) => ModelConfigFile.Load(folder).StoredType switch
    {
        _ when _probeType == ScalarType.BFloat16 => ScalarType.BFloat16,
        "float32" => ScalarType.Float32,
        "float16" => ScalarType.Float16,
        _ => ScalarType.BFloat16,
    };

    private static QuantizationSettings Quantization(MergeOptions options)
    {
        var asked = options.Quantization.Kind;
        if (asked == QuantizationKind.Fp8)
            throw new ConfigurationException(
                "fp8 was asked for, but an adapter is added to the base in its own type, and one that was trained in "
                + "FP8 fits it as it is. Leave fp8 out.");
        if (options.Merge.Base == MergeBase.Full)
        {
            if (asked == QuantizationKind.None)
                return QuantizationSettings.None;
            throw new ConfigurationException(
                "The base is quantized for merge_base dequantized only, and merge_base is full. " +
                "Set 'merge_base' to dequantized, or leave load_in_4bit and load_in_8bit out.");
        }

        var quantization = asked == QuantizationKind.None
            ? options.Quantization with { LoadIn4Bit = true }
            : options.Quantization;
        return QuantizationSettings.From(quantization);
    }
}
