using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// A model on disk: a folder in Hugging Face's format, or a GGUF file. Its configuration and its tokenizer are read
/// once, when they are first asked for.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class ModelFolder
{
    private ModelConfig? _config;
    private Tokenizer? _tokenizer;
    private bool _tokenizerIsRead;

    private ModelFolder(string path) => Path = path;

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>The shape of the model, of <c>config.json</c> or the file's metadata.</summary>
    /// <exception cref="CheckpointException">
    /// It is missing, damaged, or of a model that would be computed wrongly.
    /// </exception>
    public ModelConfig Config => _config ??= ModelConfigFile.Load(Path);

    /// <summary>The tokenizer; null when there is none.</summary>
    /// <exception cref="CheckpointException">It is damaged, or of a kind that is not supported.</exception>
    public Tokenizer? Tokenizer
    {
        get
        {
            if (!_tokenizerIsRead)
                _tokenizer = Text.Tokenization.Tokenizer.Exists(Path) ? Text.Tokenization.Tokenizer.Load(Path) : null;
            _tokenizerIsRead = true;
            return _tokenizer;
        }
    }

    /// <summary>
    /// The model in a local folder or file (<see cref="ModelSource.Resolve"/> gives one); nothing is read yet.
    /// </summary>
    /// <param name="path">The folder or file.</param>
    public static ModelFolder Open(string path) => new(path);

    /// <summary>Loads libtorch and resolves the device and compute type of the model.</summary>
    /// <param name="options">Device and type.</param>
    /// <exception cref="DeviceException">libtorch or the device is missing.</exception>
    public (Device Device, ScalarType ComputeType) Prepare(ModelOptions options)
    {
        LibTorch.Load(options.LibTorch);
        var device = ComputeDevice.Resolve(options.Device);
        return (device, NativeTypes.Resolve(options.TorchDtype, Config.StoredType, device, options.DecodesFewRows));
    }

    /// <summary>Loads the model; peak host memory is the stored form plus one tensor.</summary>
    /// <param name="options">Device and type.</param>
    /// <param name="quantization">How the base is stored.</param>
    /// <param name="progress">Called with (layers loaded, layers).</param>
    /// <param name="ranks">
    /// The ranks that load it together, among which <see cref="ModelOptions.ShardBase"/> divides it; null for this one.
    /// </param>
    /// <exception cref="CheckpointException">
    /// A file or tensor is missing, or a shape contradicts config.json.
    /// </exception>
    public DecoderModel Load(
        ModelOptions options, QuantizationOptions quantization, Action<int, int>? progress = null,
        Communicator? ranks = null)
    {
        var (device, computeType) = Prepare(options);
        return Load(new LoadSettings(
            computeType, device, QuantizationSettings.From(quantization), progress,
            options.RotaryType == ComputeType.BFloat16,
            OffloadLayers: options.OffloadLayers, Shards: options.ShardBase ? ranks : null,
            CapsScores: options.AttentionImplementation == AttentionImplementation.Eager));
    }

    /// <summary>The weights under Hugging Face's names.</summary>
    /// <param name="checks">Whether files with a checksum are read and held against it.</param>
    /// <exception cref="CheckpointException">
    /// There are none, or a file is damaged; when read, if one is not finite.
    /// </exception>
    public ITensorSource OpenWeights(bool checks = true) =>
        new FiniteTensors(GgufFile.Exists(Path)
            ? GgufCheckpoint.Open(Path, Config)
            : TextPart.Of(ModelWeights.Open(Path, checks)));

    /// <summary>Copies the files of the tokenizer; one in a GGUF file is written as such files.</summary>
    /// <param name="folder">Where to; it must exist.</param>
    public void CopyTokenizer(string folder) => TokenizerFiles.Copy(Path, folder);

    /// <summary>Copies what lies beside the weights: the tokenizer and <c>generation_config.json</c>.</summary>
    /// <param name="folder">Where to; it must exist.</param>
    public void CopyCompanions(string folder) => ModelFiles.CopyCompanions(Path, folder);

    /// <inheritdoc cref="Load(ModelOptions, QuantizationOptions, Action{int, int}?, Communicator?)"/>
    internal DecoderModel Load(LoadSettings settings) => ModelLoader.Load(this, settings);
}
