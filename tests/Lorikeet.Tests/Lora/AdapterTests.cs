using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Lora;

/// <summary>One adapter: read as its file holds it, switched in one place, saved while another is active.</summary>
public sealed class AdapterTests : IDisposable
{
    private static readonly int[] s_ids = [1, 5, 9, 200, 44, 17, 5, 300];

    private readonly TorchSharp.DisposeScope _scope = NewDisposeScope();
    private readonly TemporaryFolder _folder = new();
    private readonly DecoderModel _model = Load();

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Scope_PutsBackWhatWasActive_AlsoAfterAFault()
    {
        var bare = Logits();
        var adapter = Adapter.Load(_model, Golden("all"));
        var adapted = Logits();
        using (_model.WithoutAdapter())
        {
            TensorAssert.Close(bare, Logits(), 0, "taken off");
            using (_model.WithoutAdapter())
                Assert.Null(_model.Active);
            Assert.False(adapter.IsActive, "the inner scope found none");
            Assert.Empty(_model.Trainable);
        }

        TensorAssert.Close(adapted, Logits(), 0, "put back");
        Assert.Throws<CheckpointException>(() =>
        {
            using var off = _model.WithoutAdapter();
            Adapter.Load(_model, _folder.Path).Dispose();
        });
        Assert.True(adapter.IsActive);
        Assert.Same(adapter.Parameters, _model.Trainable);
    }

    [Fact]
    public void Scope_EndsWithTheOneThatWasActive_WhateverHappenedInside()
    {
        var first = Adapter.Load(_model, Golden("seed_qv"), "first");
        var second = Adapter.Load(_model, Golden("all"), "second");
        Assert.True(second.IsActive);
        var scope = _model.WithoutAdapter();
        first.Activate();
        scope.Dispose();
        Assert.True(second.IsActive);
        first.Activate();
        scope.Dispose(); // a second time
        Assert.True(first.IsActive);

        using (_model.WithoutAdapter())
            first.Dispose();
        Assert.Null(_model.Active);
        Assert.Throws<ObjectDisposedException>(first.Activate);
    }

    [Fact]
    public void AdapterThatCannotBeMade_LeavesTheActiveOneActive()
    {
        var adapter = Adapter.Load(_model, Golden("modules_to_save"));
        var expected = Logits();
        Assert.Throws<ConfigurationException>(
            () => Adapter.Create(
                _model, new LoraOptions { InitLoraWeights = LoraInitialisation.Pissa, Rank = 4000 }, seed: 1));
        Assert.True(adapter.IsActive);
        Assert.Single(_model.Adapters);
        TensorAssert.Close(expected, Logits(), 0, "logits");
    }

    [Theory]
    [InlineData("seed_qv")]
    [InlineData("pissa")]
    [InlineData("modules_to_save")]
    [InlineData("dora")]
    public void AdapterIsSaved_WhileAnotherIsActive(string name)
    {
        var adapter = Adapter.Load(_model, Golden(name));
        var expected = Logits();
        Adapter.Load(_model, Golden("all"), "other");
        adapter.Save(_folder["saved"], "base");

        using var again = Load();
        Adapter.Load(again, _folder["saved"]);
        TensorAssert.Close(expected, again.Forward(s_ids, [0, s_ids.Length]), 0, name);
    }

    [Theory]
    [InlineData("dora")]
    [InlineData("lora_bias")]
    [InlineData("bias_all")]
    [InlineData("embedding_dora")]
    [InlineData("modules_to_save")]
    public void LoadedTensors_EqualTheFile(string name)
    {
        using var model = ModelLoader.Load(BaseOf(name), s_settings);
        var folder = AdapterFolder.Open(Golden(name));
        var adapter = Adapter.Load(model, folder);
        using var source = folder.OpenWeights();
        foreach (var parameter in adapter.Parameters)
        {
            var stored = AdapterTensors.Name(source, parameter.Name)!;
            Assert.True(parameter.Value.requires_grad);
            TensorAssert.Close(
                TensorAssert.Read(source, stored).to_type(ScalarType.Float32), parameter.Value, 0, parameter.Name);
        }
    }

    [Fact]
    public void Pissa_IsLoadedWithoutDecomposingTheBase_WhereItsPartIsKept()
    {
        var options = new LoraOptions { Rank = 4, InitLoraWeights = LoraInitialisation.Pissa };
        var adapter = Adapter.Create(_model, options, seed: 1);
        foreach (var parameter in adapter.Parameters)
            parameter.Value.detach().Scale(1.25);
        adapter.Save(_folder["adapter"], null);

        // A part that no decomposition of this base gives, as one of another processor might: only the file has it.
        var (_, factors) = adapter.Factors.First();
        var kept = Assert.IsType<ResidualFactors>(factors);
        kept.InitialA.neg_();
        adapter.Save(_folder["adapter"], null);
        var loaded = Adapter.Load(_model, _folder["adapter"], "loaded");
        var (_, again) = loaded.Factors.First();
        TensorAssert.Close(kept.InitialA, Assert.IsType<ResidualFactors>(again).InitialA, 0, "A of the part");
    }

    [Fact]
    public void NewAdapter_DependsOnSeedAlone()
    {
        var first = Adapter.Create(_model, new LoraOptions { Rank = 4 }, seed: 7, "first");
        var second = Adapter.Create(_model, new LoraOptions { Rank = 4 }, seed: 7, "second");
        var third = Adapter.Create(_model, new LoraOptions { Rank = 4 }, seed: 8, "third");
        TensorAssert.Close(first.Parameters[0].Value, second.Parameters[0].Value, 0, "the same seed");
        TensorAssert.Far(first.Parameters[0].Value, third.Parameters[0].Value, 0.01, "another seed");
    }

    [Fact]
    public void Decoding_FollowsTheSwitch()
    {
        Adapter.Load(_model, Golden("all"));
        var adapted = Next();
        using (_model.WithoutAdapter())
        {
            using var bare = Load();
            TensorAssert.Close(Next(bare), Next(), 0, "taken off");
            TensorAssert.Far(adapted, Next(), 1e-3, "taken off");
        }

        TensorAssert.Close(adapted, Next(), 0, "put back");
    }

    private Tensor Next(DecoderModel? model = null)
    {
        model ??= _model;
        using var cache = model.CreateCache(1, 32);
        model.Prefill([s_ids], cache).Dispose();
        return model.Decode([7], cache);
    }

    private Tensor Logits() => _model.Forward(s_ids, [0, s_ids.Length]);

    private static readonly LoadSettings s_settings = new(ScalarType.Float32, CPU, QuantizationSettings.None);

    private static DecoderModel Load() => ModelLoader.Load(TestAssets.Golden("models", "gqa_bf16"), s_settings);

    private static string BaseOf(string name) => TestAssets.Golden("models", name switch
    {
        "lora_bias" => "qwen2",
        "bias_all" => "mqa_tied_bias",
        "embedding_dora" => "llama2",
        _ => "gqa_bf16",
    });

    private static string Golden(string name) => TestAssets.Golden("lora", name, "final");
}
