using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>What is trained beside and instead of plain factors: the optimized pass equals the reference.</summary>
[Collection(CudaTestBase.Collection)]
public class VariantPassTests
{
    private static readonly QuantizationSettings s_fourBits = new(QuantizationKind.Nf4, true);

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    public void Dora_EqualsReference(double dropout) => Dora(dropout).RequireEqual();

    [Theory]
    [InlineData(0, true)]
    [InlineData(0.2, true)]
    [InlineData(0, false)]
    public void DoraRecomputed_EqualsReference(double dropout, bool augments) =>
        (Dora(dropout) with { Checkpointing = Checkpointing.Full, Augments = augments }).RequireEqual();

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    public void DoraOnFourBits_EqualsReference(double dropout) => (Dora(dropout) with
    {
        Quantization = s_fourBits,
        Checkpointing = Checkpointing.Full,
        Shape = PassComparison.Small(keyValueHeads: 4),
    }).RequireEqual();

    [Fact]
    public void DoraOnSomeProjections_EqualsReference() => new PassComparison
    {
        Shape = PassComparison.Small() with { LayerCount = 4, QueryKeyValueBias = true, FeedForwardBias = true },
        Adapter = Random(new LoraOptions
        {
            UseDora = true,
            Rank = 3,
            UseRsLora = true,
            TargetModules = TargetModules.Named("q_proj", "v_proj", "down_proj"),
            LayersToTransform = [1, 3],
            Bias = LoraBias.All,
            RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.v_proj"] = 9 },
        }),
        Checkpointing = Checkpointing.Full,
    }.RequireEqual();

    [Fact]
    public void DoraInBFloat16_IsAsCloseToFloat32AsTheReference() => Dora(0).RequireAsClose();

    [Theory]
    [InlineData(LoraInitialisation.Pissa, 0)]
    [InlineData(LoraInitialisation.Olora, 0.2)]
    public void PartsTakenOver_EqualReference(LoraInitialisation initialisation, double dropout) => new PassComparison
    {
        Adapter = new LoraOptions { Rank = 5, InitLoraWeights = initialisation, Dropout = dropout },
        Augments = dropout == 0,
    }.RequireEqual();

    [Theory]
    [InlineData(LoraBias.LoraOnly, false)]
    [InlineData(LoraBias.All, true)]
    public void TrainedBiases_EqualReference(LoraBias bias, bool ofFactors) => Biases(bias, ofFactors).RequireEqual();

    [Fact]
    public void TrainedBiasesInBFloat16_AreAsCloseToFloat32AsTheReference() =>
        Biases(LoraBias.All, ofFactors: true).RequireAsClose();

    public static TheoryData<string, string, bool> Ends => new()
    {
        { "lm_head", "", false }, { "lm_head", "", true }, { "embed_tokens", "", false }, { "embed_tokens", "", true },
        { "q_proj", "lm_head", false }, { "q_proj", "lm_head", true }, { "q_proj", "embed_tokens", false },
        { "lm_head", "embed_tokens,norm", true }, { "v_proj", "q_proj,input_layernorm,lm_head", false },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void HeadAndEmbedding_EqualReference(string targets, string whole, bool tied) =>
        HeadOrEmbedding(targets, whole, tied).RequireEqual();

    [Theory]
    [MemberData(nameof(Ends))]
    public void HeadAndEmbeddingInBFloat16_AreAsCloseToFloat32AsTheReference(string targets, string whole, bool tied) =>
        HeadOrEmbedding(targets, whole, tied).RequireAsClose();

    [Theory]
    [InlineData("lm_head", 0, 0)]
    [InlineData("lm_head", 0, 0.2)]
    [InlineData("embed_tokens", 0, 0)]
    [InlineData("embed_tokens", 5, 0)]
    public void DoraOnHeadAndEmbedding_EqualsReference(string target, double noise, double dropout)
    {
        var comparison = HeadOrEmbedding("lm_head", "", tied: false);
        var adapter = comparison.Adapter! with
        {
            UseDora = true,
            Dropout = dropout,
            TargetModules = TargetModules.Named(target, "v_proj"),
        };
        (comparison with { Adapter = adapter, Noise = noise }).RequireEqual();
    }

    [Theory]
    [InlineData(false, Checkpointing.None)]
    [InlineData(true, Checkpointing.Full)]
    public void AllWeights_EqualReference(bool tied, Checkpointing checkpointing) =>
        (All(tied) with { Checkpointing = checkpointing }).RequireEqual();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AllWeightsInBFloat16_AreAsCloseToFloat32AsTheReference(bool tied) => All(tied).RequireAsClose();

    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(0.2, true)]
    public void DoraOnCuda_IsAsCloseToFloat32AsTheReference(double dropout, bool fourBits) => OnCuda(Dora(dropout) with
    {
        Quantization = fourBits ? s_fourBits : QuantizationSettings.None,
        Checkpointing = fourBits ? Checkpointing.Full : Checkpointing.None,
    });

    [Fact]
    public void PartsTakenOverOnCuda_AreAsCloseToFloat32AsTheReference() => OnCuda(new PassComparison
    {
        Adapter = new LoraOptions { Rank = 5, InitLoraWeights = LoraInitialisation.Pissa },
    });

    [Fact]
    public void TrainedBiasesOnCuda_AreAsCloseToFloat32AsTheReference() =>
        OnCuda(Biases(LoraBias.All, ofFactors: true));

    [Theory]
    [MemberData(nameof(Ends))]
    public void HeadAndEmbeddingOnCuda_AreAsCloseToFloat32AsTheReference(string targets, string whole, bool tied) =>
        OnCuda(HeadOrEmbedding(targets, whole, tied));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AllWeightsOnCuda_AreAsCloseToFloat32AsTheReference(bool tied) => OnCuda(All(tied));

    private static void OnCuda(PassComparison comparison)
    {
        Assert.SkipUnless(CudaTestBase.HasDevice, "There is no CUDA device.");
        (comparison with { Device = CudaTestBase.Device }).RequireAsClose();
    }

    private static PassComparison Dora(double dropout) => new()
    {
        Adapter = Random(new LoraOptions { UseDora = true, Rank = 5, Dropout = dropout }),
    };

    private static PassComparison Biases(LoraBias bias, bool ofFactors) => new()
    {
        Shape = PassComparison.Small() with
        {
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            FeedForwardBias = true,
        },
        Adapter = Random(new LoraOptions
        {
            Bias = bias,
            FactorBias = ofFactors,
            TargetModules = TargetModules.Named("q_proj", "o_proj", "up_proj"),
        }),
    };

    private static PassComparison HeadOrEmbedding(string targets, string whole, bool tied) => new()
    {
        Shape = PassComparison.Small() with { TiedEmbeddings = tied },
        Adapter = Random(new LoraOptions
        {
            Rank = 5,
            TargetModules = TargetModules.Named(targets.Split(',')),
            ModulesToSave = whole.Split(',', StringSplitOptions.RemoveEmptyEntries),
        }),
    };

    private static PassComparison All(bool tied) => new()
    {
        Shape = PassComparison.Small() with { TiedEmbeddings = tied, QueryKeyValueBias = true },
    };

    private static LoraOptions Random(LoraOptions options) =>
        options with { InitLoraWeights = LoraInitialisation.Random };
}
