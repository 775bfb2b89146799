using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Lora;

/// <summary>Several adapters on one base: each as if it were alone, exchanged, summed and taken off.</summary>
public sealed class AdapterSetTests : IDisposable
{
    private static readonly int[] s_ids = [1, 5, 9, 200, 44, 17, 5, 300];

    private readonly TorchSharp.DisposeScope _scope = NewDisposeScope();
    private readonly TemporaryFolder _folder = new();
    private readonly DecoderModel _model = Load();
    private readonly AdapterSet _set;

    public AdapterSetTests() => _set = new AdapterSet(_model);

    public void Dispose()
    {
        _set.Dispose();
        _model.Dispose();
        _scope.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void EachAdapter_ActsAsIfItWereAlone()
    {
        var bare = Logits(_model);
        string[] names = ["seed_qv", "modules_to_save", "dora", "pissa"];
        foreach (var name in names)
            _set.Load(name, Golden(name));
        foreach (var name in names.Concat(names.Reverse()))
        {
            _set.Activate(name);
            using var alone = Load();
            Adapter.Load(alone, Golden(name));
            TensorAssert.Close(Logits(alone), Logits(_model), 1e-5, name);
        }

        _set.Activate(AdapterSet.Base);
        TensorAssert.Close(bare, Logits(_model), 1e-5, "base");
        _set.Unload("dora");
        _set.Activate("modules_to_save");
        Assert.Equal(["seed_qv", "modules_to_save", "pissa"], _set.Names);
        Assert.Throws<ConfigurationException>(() => _set.Activate("dora"));
    }

    [Theory]
    [InlineData(CombinationKind.Concatenated)]
    [InlineData(CombinationKind.SingularValues)]
    public void Combination_IsTheWeightedSumOfTheUpdates(CombinationKind kind)
    {
        _set.Load("a", Golden("seed_qv"));
        var first = Update();
        _set.Load("b", Golden("all"));
        var second = Update();

        // Of rank 64, the svd cuts nothing off.
        _set.Combine(
            "mix", new Dictionary<string, double> { ["a"] = 0.75, ["b"] = -0.5 },
            new CombinationSettings { Kind = kind, Rank = 64 });
        var expected = first.Times(0.75) - second.Times(0.5);
        TensorAssert.Close(expected, Update(), 1e-5, kind.ToString());
        Assert.Equal("mix", _set.Active);
    }

    [Fact]
    public void LinearCombination_SumsTheFactorsAsPeft()
    {
        _set.Load("a", Golden("seed_qv"));
        var (a1, b1, s1) = Factors();
        _set.Load("b", Golden("all"));
        var (a2, b2, s2) = Factors();
        if (a1.shape[0] != a2.shape[0])
            Assert.Skip("The goldens have other ranks.");
        _set.Combine(
            "mix", new Dictionary<string, double> { ["a"] = 0.7, ["b"] = 0.3 },
            new CombinationSettings { Kind = CombinationKind.Linear });
        var (a, b, scale) = Factors();
        TensorAssert.Close(a1.Times(Math.Sqrt(0.7 * s1)).Plus(a2.Times(Math.Sqrt(0.3 * s2))), a, 1e-6, "A");
        TensorAssert.Close(b1.Times(Math.Sqrt(0.7 * s1)).Plus(b2.Times(Math.Sqrt(0.3 * s2))), b, 1e-6, "B");
        Assert.Equal(1, scale);
    }

    [Fact]
    public void SavedCombination_IsAnAdapterLikeAnyOther()
    {
        _set.Load("a", Golden("seed_qv"));
        _set.Load("b", Golden("all_linear"));
        _set.Combine("mix", new Dictionary<string, double> { ["a"] = 1, ["b"] = 0.5 });
        var expected = Logits(_model);
        _set["mix"].Save(_folder["mix"], "base");
        using var alone = Load();
        Adapter.Load(alone, _folder["mix"]);
        TensorAssert.Close(expected, Logits(alone), 1e-4, "logits");
    }

    [Theory]
    [InlineData("dora", 1, CombinationKind.Concatenated, "a variant of LoRA")]
    [InlineData("modules_to_save", 1, CombinationKind.Concatenated, "also trained")]
    [InlineData("nobody", 1, CombinationKind.Linear, "No adapter is named 'nobody'")]
    public void WhatCannotBeSummed_IsRefusedByName(string name, double weight, CombinationKind kind, string expected)
    {
        if (name != "nobody")
            _set.Load(name, Golden(name));
        var fault = Assert.Throws<ConfigurationException>(
            () => _set.Combine(
                "mix", new Dictionary<string, double> { [name] = weight }, new CombinationSettings { Kind = kind }));
        Assert.Contains(expected, fault.Message);
        Assert.DoesNotContain("mix", _set.Names);
    }

    [Fact]
    public void AdapterThatDoesNotFit_LeavesTheOthersAsTheyAre()
    {
        _set.Load("a", Golden("seed_qv"));
        var expected = Logits(_model);
        Assert.Throws<CheckpointException>(
            () => _set.Load("b", TestAssets.Golden("stories260K", "stories260K_lora_final")));
        _set.Activate("a");
        TensorAssert.Close(expected, Logits(_model), 1e-5, "a");
    }

    private (Tensor A, Tensor B, double Scale) Factors()
    {
        var lora = _model.Layers[1].Qkv[0].Lora!;
        return (lora.A.clone(), lora.B.clone(), lora.Scale);
    }

    private Tensor Update()
    {
        using var quiet = no_grad();
        var lora = _model.Layers[1].Qkv[0].Lora!;
        return matmul(lora.B, lora.A).Times(lora.Scale);
    }

    private static Tensor Logits(DecoderModel model) => model.Forward(s_ids, [0, s_ids.Length]);

    private static DecoderModel Load() => ModelLoader.Load(
        TestAssets.Golden("models", "gqa_bf16"), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));

    private static string Golden(string name) => TestAssets.Golden("lora", name, "final");
}
