using Lorikeet.Formats.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>
/// A LoRA adapter on a model, of any variant: the low-rank factors, and what <c>modules_to_save</c> and <c>bias</c>
/// train beside them.
/// </summary>
/// <remarks>
/// It belongs to its model, which disposes it. One adapter of a model is active at a time:
/// <see cref="ModelAdapter.Activate"/> exchanges it, <see cref="DecoderModel.WithoutAdapter"/> takes it off for a
/// while. Not thread-safe, as the model is not.
/// </remarks>
public sealed class Adapter : ModelAdapter
{
    /// <summary>The name of an adapter that was given none.</summary>
    public const string DefaultName = "default";

    private Adapter(DecoderModel model, string name, LoraOptions options) : base(model) =>
        (Name, Options) = (name, options);

    /// <summary>Its name among the adapters of its model.</summary>
    public string Name { get; }

    /// <summary>Its form: rank, scale, modules, variant.</summary>
    public LoraOptions Options { get; private set; }

    /// <summary>
    /// Its form as it is written: <c>all-linear</c> by the names of the layers that it came to, as PEFT stores it,
    /// which before 0.8 knew no such word.
    /// </summary>
    internal LoraOptions WrittenOptions => !Options.TargetModules.IsAllLinear ? Options : Options with
    {
        TargetModules = TargetModules.Named(
            [.. Projections.Select(pair => pair.Projection.Name.Split('.')[^1]).Distinct()]),
    };

    /// <summary>The folder it was read from; null for a new one.</summary>
    public AdapterFolder? Folder { get; private init; }

    /// <summary>The LoRA factors by linear layer.</summary>
    internal IEnumerable<(Projection Projection, LoraFactors Factors)> Factors =>
        Projections.Select(pair => (pair.Projection, (LoraFactors)pair.Adapter));

    /// <summary>The LoRA factors on the embedding, if any.</summary>
    internal EmbeddingFactors? FactorsOfEmbedding => Embedding as EmbeddingFactors;

    /// <summary>
    /// Makes a new adapter and activates it. The model computes the same as before, up to rounding, unless
    /// <see cref="LoraOptions.InitLoraWeights"/> is random.
    /// </summary>
    /// <param name="model">The model; an adapter that was active is taken off.</param>
    /// <param name="options">Its form.</param>
    /// <param name="seed">Decides the factors; the same on every device.</param>
    /// <param name="name">Its name.</param>
    /// <exception cref="ConfigurationException">
    /// The options select nothing, or something that cannot carry an adapter.
    /// </exception>
    public static Adapter Create(DecoderModel model, LoraOptions options, ulong seed, string name = DefaultName)
    {
        AdapterForm.RequireNames(model, options);
        return Activated(model, () => new Adapter(model, name, options), adapter =>
            adapter.Build(AdapterForm.Of(model, options), new LoraInitializer(model, options, seed)));
    }

    /// <summary>Reads an adapter in PEFT's format and activates it, ready to be used or trained further.</summary>
    /// <param name="model">The model it was trained on; an adapter that was active is taken off.</param>
    /// <param name="folder">Its folder.</param>
    /// <param name="name">Its name.</param>
    /// <param name="dropout">Dropout to train on with, in [0, 1); null keeps that of the file.</param>
    /// <exception cref="CheckpointException">
    /// The file is damaged, or a tensor is missing, left over, or of the wrong shape.
    /// </exception>
    public static Adapter Load(
        DecoderModel model, AdapterFolder folder, string name = DefaultName, double? dropout = null)
    {
        var options = dropout is { } probability ? folder.Options with { Dropout = probability } : folder.Options;
        return Activated(model, () => new Adapter(model, name, options) { Folder = folder }, adapter =>
        {
            var form = AdapterForm.Of(model, options);
            if (model.Device.type == DeviceType.META)
            {
                adapter.Build(form, new LoraInitializer(model, options, seed: 0)); // shapes alone
                return;
            }

            using var values = new StoredAdapter(model, form, options, folder);
            adapter.Build(form, values);
        });
    }

    /// <inheritdoc cref="Load(DecoderModel, AdapterFolder, string, double?)"/>
    public static Adapter Load(DecoderModel model, string folder, string name = DefaultName, double? dropout = null) =>
        Load(model, AdapterFolder.Open(folder), name, dropout);

    /// <summary>Makes an adapter that is the weighted sum of others, and activates it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="parts">Adapters of one model and the weight of each; at least one.</param>
    /// <param name="settings">How they are summed; null for exactly, side by side.</param>
    /// <exception cref="ConfigurationException">They cannot be combined.</exception>
    public static Adapter Combine(
        string name, IReadOnlyList<(Adapter Adapter, double Weight)> parts, CombinationSettings? settings = null)
    {
        if (parts.Count == 0)
            throw new ConfigurationException("Nothing is combined. Expected names of adapters with weights.");
        var model = parts[0].Adapter.Model;
        var mixture = new AdapterMixture(parts, settings ?? new CombinationSettings());
        return Activated(model, () => new Adapter(model, name, new LoraOptions()), adapter =>
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            foreach (var (projection, factors) in mixture.Factors(model))
                adapter.Attach(projection, factors);
            if (mixture.FactorsOfEmbedding() is { } embedded)
                adapter.Attach(embedded);
            adapter.Options = mixture.FormOf(adapter.Parameters);
        });
    }

    /// <summary>
    /// Makes an adapter of the same values on memory of its own: what this one is now, when training moves it on. The
    /// active adapter stays what it is.
    /// </summary>
    public Adapter Copy()
    {
        var before = Model.Active;
        var copy = Activated(Model, () => new Adapter(Model, Name, Options) { Folder = Folder }, adapter =>
            adapter.Build(AdapterForm.Of(Model, Options), new AdapterCopy(this)));
        Model.Active = before;
        return copy;
    }

    /// <summary>
    /// Writes the adapter as PEFT does: <c>adapter_config.json</c>, <c>adapter_model.safetensors</c>, and for PiSSA and
    /// OLoRA the part of the base that it took over, in <c>initial/</c>. It need not be active.
    /// </summary>
    /// <param name="folder">Where to; created when missing.</param>
    /// <param name="baseModel">What adapter_config.json names as its base: a folder or a hub id.</param>
    /// <param name="asPlain">
    /// Whether an adapter of PiSSA or OLoRA is written as plain LoRA of twice the rank, which fits any copy of the
    /// base.
    /// </param>
    public void Save(string folder, string? baseModel, bool asPlain = false)
    {
        if (asPlain && PlainConversion.Applies(Options))
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            AdapterFolder.Write(
                folder, PlainConversion.Convert(WrittenOptions), baseModel,
                PlainConversion.Tensors(this).Select(tensor => (InFile(tensor.Name), tensor.Value)));
            return;
        }

        AdapterFolder.Write(
            folder, WrittenOptions, baseModel,
            Parameters.Select(parameter => (InFile(parameter.Name), parameter.Value)));
        InitialAdapter.Save(this, folder, baseModel);
    }

    private string InFile(string parameter) => AdapterNames.InFile(Model, this, parameter);

    /// <summary>
    /// Makes an adapter while none is active, and activates it; when that fails, what was active before is so again.
    /// </summary>
    private static Adapter Activated(DecoderModel model, Func<Adapter> make, Action<Adapter> build)
    {
        Adapter adapter;
        using (model.WithoutAdapter())
        {
            adapter = make();
            try
            {
                build(adapter);
            }
            catch
            {
                adapter.Dispose();
                throw;
            }
        }

        adapter.Activate();
        return adapter;
    }

    private void Build(AdapterForm form, IAdapterValues values)
    {
        using var quiet = no_grad();
        if (form.TrainsEmbedding)
            ReplaceEmbedding(
                Copy(TensorNames.Weight(TensorNames.Embedding), () => Model.Embedding.clone(), decays: true));
        foreach (var projection in form.WholeProjections)
        {
            var name = TensorNames.Weight(projection.Name);
            ReplaceWeight(projection, Copy(name, () => projection.Weight.Copy(ScalarType.Float32), decays: true));
        }

        foreach (var norm in form.Norms)
            ReplaceNorm(norm, Copy(TensorNames.Weight(norm.Name), () => norm.Weight.clone(), decays: false));
        if (form.AdaptsEmbedding)
            Attach(values.FactorsOfEmbedding());
        foreach (var projection in form.Projections)
            Attach(projection, values.FactorsOf(projection));
        foreach (var projection in form.Biases)
            ReplaceBias(
                projection, Copy(TensorNames.Bias(projection.Name), () => projection.Bias!.clone(), decays: false));

        Tensor Copy(string name, Func<Tensor> ofBase, bool decays)
        {
            var value = values.Copy(name, ofBase);
            Train(new Parameter(name, value, decays));
            return value;
        }
    }

    private void Attach(Projection projection, LoraFactors factors)
    {
        Add(projection, factors);
        foreach (var (ending, value, decays) in factors.Trained)
            Train(new Parameter(projection.Name + ending, value, decays));
    }

    private void Attach(EmbeddingFactors factors)
    {
        Add(factors);
        foreach (var (ending, value, decays) in factors.Trained)
            Train(new Parameter(TensorNames.Embedding + ending, value, decays));
    }
}
