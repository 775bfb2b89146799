using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

/// <summary>Parts of sequences in scattered blocks, against each sequence read alone and at once.</summary>
public sealed class ReferenceStepTests
{
    private const double Tolerance = 2e-5;

    // Ends of blocks and the tokens around them, and a window of 16 passed twice.
    private static readonly int[] s_lengths = [1, 15, 16, 17, 31, 32, 33, 50];

    [Theory]
    [InlineData("llama2")]
    [InlineData("gqa")]
    [InlineData("mqa_tied_bias")]
    [InlineData("headdim")]
    [InlineData("llama3")]
    [InlineData("mistral_swa")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("rope_linear")]
    [InlineData("yarn")]
    public void PartsOfAnySize_GiveTheLogitsOfTheWhole(string name)
    {
        using var model = Load(name);
        foreach (var seed in new[] { 1, 2 })
            RequireEqual(model, [.. s_lengths.Select(_ => (ModelAdapter?)null)], seed);
    }

    [Theory]
    [InlineData("gqa", "all", "dora")]
    [InlineData("gqa", "seed_qv", "modules_to_save")]
    [InlineData("gqa", "head", "lora_bias")]
    [InlineData("mqa_tied_bias", "embedding_tied", "bias_all")]
    public void EverySequence_IsReadWithItsAdapter(string name, string first, string second)
    {
        using var model = Load(name);
        ModelAdapter?[] adapters =
        [
            Adapter.Load(model, Folder(first), first), Adapter.Load(model, Folder(second), second), null,
        ];
        adapters[0]!.Activate(); // what is active decides nothing, and stays
        RequireEqual(model, [.. s_lengths.Select((_, i) => adapters[i % 3])], seed: 3);
        Assert.True(adapters[0]!.IsActive);
    }

    [Fact]
    public void NoTensorIsLeft()
    {
        using var model = Load("gqa");
        RequireEqual(model, [null, null], seed: 4); // tables of the model are made at first use
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        RequireEqual(model, [null, null], seed: 4);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static void RequireEqual(DecoderModel model, ModelAdapter?[] adapters, int seed)
    {
        using var scope = NewDisposeScope();
        var random = new Random(seed);
        var ids = adapters.Select((_, i) =>
            Enumerable.Range(0, s_lengths[i]).Select(_ => random.Next(model.Config.VocabularySize)).ToArray())
            .ToArray();
        var free = new Stack<int>(Enumerable.Range(1, 60).OrderBy(_ => random.Next()));
        var blocks = ids.Select(row =>
            Enumerable.Range(0, PagedCache.BlocksOf(row.Length)).Select(_ => free.Pop()).ToList()).ToArray();
        var wanted = ids.Select((row, i) => Alone(model, adapters[i], row)).ToArray();

        using var cache = new PagedCache(model.Config, 61, model.ComputeType, model.Device);
        using var step = new ReferenceStep(model, cache);
        var read = new int[ids.Length];
        while (true)
        {
            int[] open = [.. Enumerable.Range(0, ids.Length).Where(i => read[i] < ids[i].Length && random.Next(4) > 0)];
            if (open.Length == 0)
            {
                if (ids.Select((row, i) => row.Length - read[i]).Sum() == 0)
                    break;
                continue;
            }

            var parts = open.Select(i =>
            {
                var count = Math.Min(ids[i].Length - read[i], random.Next(3) == 0 ? 1 : random.Next(1, 40));
                return new StepSequence(
                    ids[i].AsMemory(read[i], count), read[i], blocks[i], adapters[i], random.Next(count + 1));
            }).ToArray();
            using var logits = step.Run(parts);
            var row = 0;
            for (var i = 0; i < parts.Length; i++)
            {
                var (part, count) = (parts[i], parts[i].LogitCount);
                if (count > 0)
                {
                    TensorAssert.Close(
                        wanted[open[i]].narrow(0, part.Length - count, count), logits.narrow(0, row, count), Tolerance,
                        $"{part.Ids.Length} tokens of sequence {open[i]} from {part.Start}");
                }

                row += count;
                read[open[i]] = part.Length;
            }

            Assert.Equal(row, logits.shape[0]);
            Assert.Equal(logits.argmax(1).data<long>().Select(id => (int)id), row == 0 ? [] : step.MostLikely());
        }
    }

    private static Tensor Alone(DecoderModel model, ModelAdapter? adapter, int[] ids)
    {
        var active = model.Active;
        model.Active = adapter;
        try
        {
            return model.Forward(ids, [0, ids.Length]);
        }
        finally
        {
            model.Active = active;
        }
    }

    private static string Folder(string adapter) => TestAssets.Golden("lora", adapter, "final");

    private static DecoderModel Load(string name) => ModelLoader.Load(
        TestAssets.Golden("models", name), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
}
