using System.IO.Compression;
using System.Runtime.InteropServices;
using CsCheck;
using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests.Pickle;

public sealed class TorchFileTests : IDisposable
{
    private static readonly float[] Six = [0, 1, 2, 3, 4, 5];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_ReadsARealModel()
    {
        using var torch = TorchFile.Open(TestAssets.Asset("models", "stories260K", "stories260K.pt"));
        using var converted = SafetensorsFile.Open(TestAssets.Asset("models", "stories260K", "model.safetensors"));
        // Only q and k were permuted by the conversion.
        foreach (var (original, target) in ((string, string)[])[
            ("model._orig_mod.tok_embeddings.weight", "model.embed_tokens.weight"),
            ("model._orig_mod.norm.weight", "model.norm.weight"),
            ("model._orig_mod.layers.4.attention.wv.weight", "model.layers.4.self_attn.v_proj.weight"),
            ("model._orig_mod.layers.2.feed_forward.w2.weight", "model.layers.2.mlp.down_proj.weight")])
        {
            Assert.Equal(converted.Require(target).Shape, torch.Require(original).Shape);
            Assert.Equal(converted.Span<float>(target).ToArray(), torch.Span<float>(original).ToArray());
        }

        var arguments = Assert.IsType<PickleDictionary>(((PickleDictionary)torch.Root!)["model_args"]);
        Assert.Equal((64L, 5L), (arguments["dim"], arguments["n_layers"]));
    }

    [Fact]
    public void Open_ReadsARealOptimizersState()
    {
        using var torch = TorchFile.Open(TestAssets.Asset("models", "llama2xs", "ckpt.pt"));
        Assert.Empty(torch.UnknownGlobals);
        var step = torch.Span<float>("optimizer.state.0.step")[0];
        Assert.True(step > 0 && step == Math.Floor(step));
        Assert.Equal(
            torch.Require("optimizer.state.0.exp_avg").Shape, torch.Require("optimizer.state.0.exp_avg_sq").Shape);
        foreach (var name in torch.Tensors.Keys.Where(name => name.EndsWith("exp_avg_sq", StringComparison.Ordinal)))
            Assert.All(torch.Span<float>(name).ToArray(), square => Assert.True(square >= 0));
    }

    [Fact]
    public void Open_KeepsObjectsOfUnknownClassesInert()
    {
        using var random = TorchFile.Open(
            TestAssets.Asset("adapters", "tinyllama-1.1b-r4-checkpoint-200", "rng_state.pth"));
        Assert.Equal(5056, random.Require("cpu").ByteCount);
        Assert.Contains(random.UnknownGlobals, global => global.Name == "_reconstruct");

        using var arguments = TorchFile.Open(
            TestAssets.Asset("adapters", "tinyllama-1.1b-r4-checkpoint-200", "training_args.bin"));
        var opaque = Assert.IsType<PickleObject>(arguments.Root);
        Assert.Equal(new PickleGlobal("transformers.training_args", "TrainingArguments"), opaque.Callable);
        Assert.Equal("cosine", Scheduler(opaque));

        static object? Scheduler(PickleObject arguments) =>
            ((PickleTuple)((PickleObject)((PickleDictionary)arguments.State!)["lr_scheduler_type"]!).Arguments!)
                .Items[0];
    }

    [Fact]
    public void Open_ReadsAScheduler()
    {
        using var torch = TorchFile.Open(
            TestAssets.Asset("adapters", "tinyllama-1.1b-r4-checkpoint-200", "scheduler.pt"));
        Assert.Equal(200L, ((PickleDictionary)torch.Root!)["last_epoch"]);
    }

    [Fact]
    public void OpenWeights_RefusesAMaliciousPickle_AndRunsNothing()
    {
        var canary = _folder["canary"];
        var pickle = new PickleBuilder().Dictionary(
            ("weight", value => value.Tensor("FloatStorage", "0", 6, 0, [6], [1])),
            ("evil", value => value.Global("posix", "system").Text($"touch {canary}").Op('\x85').Op('R')));
        pickle.WriteZip(_folder["evil.bin"], [("0", Bytes(Six))]);

        var fault = Assert.Throws<CheckpointException>(() => TorchFile.OpenWeights(_folder["evil.bin"]));
        Assert.Contains("'posix.system'", fault.Message);

        using var file = TorchFile.Open(_folder["evil.bin"]);
        var evil = Assert.IsType<PickleObject>(((PickleDictionary)file.Root!)["evil"]);
        Assert.Equal(new PickleGlobal("posix", "system"), evil.Callable);
        Assert.Equal("weight", Assert.Single(file.Tensors).Key);
        Assert.False(File.Exists(canary));
    }

    [Fact]
    public void Span_GathersStridedViewsOfASharedStorage()
    {
        new PickleBuilder().Dictionary(
            ("whole", value => value.Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1])),
            ("transposed", value => value.Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3])),
            ("tail", value => value.Tensor("FloatStorage", "0", 6, 4, [2], [1])),
            ("column", value => value.Tensor("FloatStorage", "0", 6, 1, [2, 1], [3, 7])),
            ("expanded", value => value.Tensor("FloatStorage", "0", 6, 2, [3], [0])),
            ("empty", value => value.Tensor("FloatStorage", "0", 6, 6, [0, 4], [4, 1])),
            ("scalar", value => value.Tensor("FloatStorage", "0", 6, 5, [], [])))
            .WriteZip(_folder["x.pt"], [("0", Bytes(Six))]);

        using var file = TorchFile.OpenWeights(_folder["x.pt"]);
        Assert.Equal(Six, file.Span<float>("whole").ToArray());
        Assert.Equal([0, 3, 1, 4, 2, 5], file.Span<float>("transposed").ToArray());
        Assert.Equal([4, 5], file.Span<float>("tail").ToArray());
        Assert.Equal([1, 4], file.Span<float>("column").ToArray());
        Assert.Equal([2, 2, 2], file.Span<float>("expanded").ToArray());
        Assert.Empty(file.Span<float>("empty").ToArray());
        Assert.Equal([5], file.Span<float>("scalar").ToArray());
    }

    [Fact]
    public void Open_ReadsUntypedStoragesAndParameters()
    {
        new PickleBuilder().Dictionary(
            ("float8", value => value.Global("torch._utils", "_rebuild_tensor_v3").Op('(')
                .Storage("torch.storage", "UntypedStorage", "0", 6).Number(2).Tuple(4).Tuple(1).Op('\x89').Op('}')
                .Global("torch", "float8_e4m3fn").Op('}').Op('t').Op('R')),
            ("parameter", value => value.Global("torch._utils", "_rebuild_parameter").Op('(')
                .Tensor("BFloat16Storage", "1", 2, 0, [2], [1]).Op('\x88').Op('}').Op('t').Op('R')))
            .WriteZip(_folder["x.pt"], [("0", [9, 8, 7, 6, 5, 4]), ("1", [0, 1, 2, 3])]);

        using var file = TorchFile.OpenWeights(_folder["x.pt"]);
        Assert.Equal(SafetensorsType.F8_E4M3, file.Require("float8").Type);
        Assert.Equal([7, 6, 5, 4], file.Span<byte>("float8").ToArray());
        Assert.Equal(SafetensorsType.BF16, file.Require("parameter").Type);
        Assert.Equal([0x0100, 0x0302], file.Span<ushort>("parameter").ToArray());
    }

    [Fact]
    public void Open_ReadsTheOlderLayout()
    {
        new PickleBuilder().Dictionary(
            ("a", value => value.Tensor("FloatStorage", "111", 6, 0, [2, 3], [3, 1])),
            ("b", value => value.Tensor("LongStorage", "222", 1, 0, [], [])))
            .WriteLegacy(_folder["x.bin"], ("111", 6, Bytes(Six)), ("222", 1, Bytes([77L])));
        using var file = TorchFile.OpenWeights(_folder["x.bin"]);
        Assert.Equal(Six, file.Span<float>("a").ToArray());
        Assert.Equal([77L], file.Span<long>("b").ToArray());
    }

    [Fact]
    public void Open_EndsOnAPickleThatContainsItself()
    {
        // memo 0 = []; [].append(memo 0)
        var pickle = new PickleBuilder().Op(']').Op('\x94').Op('h').Op('\0').Op('a');
        pickle.WriteZip(_folder["x.pt"], []);
        using var file = TorchFile.Open(_folder["x.pt"]);
        Assert.Empty(file.Tensors);
    }

    [Fact]
    public void Open_RefusesATensorOutsideItsStorage()
    {
        new PickleBuilder().Dictionary(("a", value => value.Tensor("FloatStorage", "0", 6, 1, [2, 3], [3, 1])))
            .WriteZip(_folder["x.pt"], [("0", Bytes(Six))]);
        Assert.Contains("reaches over the 24 bytes", Refusal("x.pt"));
    }

    [Fact]
    public void Open_RefusesAStorageThatIsCutShort()
    {
        new PickleBuilder().Dictionary(("a", value => value.Tensor("FloatStorage", "0", 7, 0, [7], [1])))
            .WriteZip(_folder["x.pt"], [("0", Bytes(Six))]);
        Assert.Contains("storage '0' of 28 bytes is missing or cut short", Refusal("x.pt"));
    }

    [Fact]
    public void Open_RefusesCompressedEntriesAndOtherFiles()
    {
        new PickleBuilder().Op('}').WriteZip(_folder["compressed.pt"], [], CompressionLevel.Optimal);
        Assert.Contains("compressed", Refusal("compressed.pt"));
        File.WriteAllText(_folder["text.pt"], "<!DOCTYPE html> not a model");
        Assert.Contains("'" + _folder["text.pt"] + "' is not a valid PyTorch file", Refusal("text.pt"));
        File.WriteAllBytes(_folder["empty.pt"], []);
        Assert.Contains("not a valid PyTorch file", Refusal("empty.pt"));
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("legacy.bin")]
    public void Open_NeverFailsInAnotherWay_WhateverBytesChange(string name)
    {
        var pickle = new PickleBuilder().Dictionary(
            ("a", value => value.Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1])),
            ("b", value => value.Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3])));
        if (name == "legacy.bin")
            pickle.WriteLegacy(_folder[name], ("0", 6, Bytes(Six)));
        else
            pickle.WriteZip(_folder[name], [("0", Bytes(Six))]);
        var valid = File.ReadAllBytes(_folder[name]);

        Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte, Gen.Int[1, 4 * valid.Length]).Sample(
            (at, value, length) =>
            {
                var bytes = valid.ToArray();
                bytes[at] = value;
                File.WriteAllBytes(_folder["fuzzed"], bytes[..Math.Min(length, bytes.Length)]);
                try
                {
                    using var file = TorchFile.Open(_folder["fuzzed"]);
                    foreach (var entry in file.Tensors.Values.Where(entry => entry.ByteCount is > 0 and < 1000))
                        _ = FirstByte(file, entry.Name);
                }
                catch (CheckpointException)
                {
                }
            },
            iter: 1000, threads: 1);
    }

    private static unsafe byte FirstByte(TorchFile file, string name) => *file.Pointer(name);

    private string Refusal(string name)
    {
        var fault = Assert.Throws<CheckpointException>(() => TorchFile.Open(_folder[name]));
        Assert.Contains(_folder[name], fault.Message);
        return fault.Message;
    }

    private static byte[] Bytes<T>(T[] values) where T : unmanaged => MemoryMarshal.AsBytes<T>(values).ToArray();
}
