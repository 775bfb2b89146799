using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>
/// The part of the base that an adapter of PiSSA or OLoRA took over, kept as an adapter of its own: the trained
/// factors do not show which one it was, and a decomposition takes long and, on another CPU, differs from it.
/// </summary>
/// <remarks>
/// Lorikeet keeps it in the adapter's folder <c>initial/</c>. PEFT loads that as an adapter, wants it as
/// <c>path_initial_model_for_weight_conversion</c>, and names its own of PiSSA <c>pissa_init</c>; such a folder may
/// also lie next to the adapter, where it is used if it is a decomposition of this base.
/// </remarks>
internal sealed class InitialAdapter : IDisposable
{
    private const string FolderName = "initial";
    private const double Tolerance = 1e-4;

    private static readonly string[] s_places =
        [FolderName, "pissa_init", Path.Combine("..", FolderName), Path.Combine("..", "pissa_init")];

    private readonly ITensorSource _source;
    private readonly bool _isWithin;

    private InitialAdapter(ITensorSource source, bool isWithin) => (_source, _isWithin) = (source, isWithin);

    /// <summary>Writes the part into the folder of an adapter that took one over; nothing for another.</summary>
    public static void Save(Adapter adapter, string folder, string? baseModel)
    {
        if (!adapter.Options.SplitsOff)
            return;
        var plain = adapter.WrittenOptions with
        {
            InitLoraWeights = LoraInitialisation.Default,
            PissaIterations = null,
        };
        var place = Path.Combine(folder, FolderName);
        Directory.CreateDirectory(place);
        File.WriteAllText(Path.Combine(place, AdapterConfig.FileName), AdapterConfig.Write(plain, baseModel));
        TensorFile.Write(
            Path.Combine(place, AdapterFolder.WeightsFile),
            adapter.Factors.Select(pair => (pair.Projection.Name, Residual: pair.Factors as ResidualFactors))
                .Where(pair => pair.Residual is not null)
                .SelectMany(pair => new[]
                {
                    (AdapterNames.InFile(pair.Name + AdapterNames.A), pair.Residual!.InitialA),
                    (AdapterNames.InFile(pair.Name + AdapterNames.B), pair.Residual.InitialB),
                }));
    }

    /// <summary>
    /// Opens what lies in an adapter, or next to one of PiSSA; null where there is nothing, or nothing is taken over.
    /// </summary>
    public static InitialAdapter? Open(string adapter, LoraOptions settings)
    {
        if (!settings.SplitsOff)
            return null;
        var places = settings.InitLoraWeights == LoraInitialisation.Pissa ? s_places : [FolderName];
        var place = places.FirstOrDefault(
            place => File.Exists(Path.Combine(adapter, place, AdapterFolder.WeightsFile)));
        return place is null ? null : new InitialAdapter(
            AdapterFolder.OpenWeights(Path.Combine(adapter, place)),
            isWithin: !place.StartsWith("..", StringComparison.Ordinal));
    }

    /// <summary>The part of a module, float32; null where it is not there, or is none of the weight's.</summary>
    /// <param name="module">The module.</param>
    /// <param name="weight">Gives W, float32 [out, in]; only asked for where the part might be another's.</param>
    /// <param name="trainedA">The adapter's A, of the shape that the part has.</param>
    /// <param name="trainedB">Its B.</param>
    /// <param name="scale">s.</param>
    public (Tensor A, Tensor B)? Find(
        string module, Func<Tensor> weight, Tensor trainedA, Tensor trainedB, double scale)
    {
        if (Read(module + AdapterNames.A, trainedA) is not { } a
            || Read(module + AdapterNames.B, trainedB) is not { } b)
            return null;
        if (_isWithin)
            return (a, b);
        using var whole = weight();
        return IsPartOf(whole, a, b, scale) ? (a, b) : null;
    }

    public void Dispose() => _source.Dispose();

    private Tensor? Read(string parameter, Tensor like) =>
        AdapterTensors.Name(_source, parameter) is { } name && _source.Tensors[name].Shape.SequenceEqual(like.shape)
            ? TensorFile.Read(_source, name).to(like.device).to_type(ScalarType.Float32)
            : null;

    /// <summary>Singular vectors of W: with A = √(S/s) Vᵀ and B = U √(S/s), W Aᵀ = B S and S = s A Aᵀ.</summary>
    private static bool IsPartOf(Tensor weight, Tensor a, Tensor b, double scale)
    {
        var values = (a * a).sum(1).Times(scale); // [rank]
        var product = matmul(weight, a.t()); // W Aᵀ, [out, rank]
        var distance = (product - b * values).abs().max();
        return (distance <= product.abs().max().Times(Tolerance)).item<bool>();
    }
}
