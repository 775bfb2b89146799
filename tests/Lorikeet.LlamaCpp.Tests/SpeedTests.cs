using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using LLama;
using LLama.Common;
using LLama.Native;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>
/// Tokens a second of llama.cpp and of this library, by turns in one process, on the same weights, prompt and threads.
/// To be run by name on a quiet machine; it writes 2.2 GB to the temporary folder.
/// </summary>
public sealed class SpeedTests : IDisposable
{
    private const int PromptLength = 64;
    private const int NewTokens = 64;
    private const int Rounds = 5;

    private readonly TemporaryFolder _folder = new();

    // Says to llama.cpp to be silent, which has to be said before it is loaded.
    public SpeedTests() => RuntimeHelpers.RunClassConstructor(typeof(LlamaCpp).TypeHandle);

    public void Dispose() => _folder.Dispose();

    /// <summary>4 bits beside 4 bits, 16 beside 16; llama.cpp first in each round.</summary>
    [Theory(Explicit = true)]
    [InlineData("tinyllama-1.1b", GgufOutType.Q4_0, QuantizationKind.Nf4)]
    [InlineData("tinyllama-1.1b", GgufOutType.F16, QuantizationKind.None)]
    public void TokensASecond_BesideLlamaCpp(string shape, GgufOutType type, QuantizationKind kind)
    {
        var threads = Environment.ProcessorCount;
        set_num_threads(threads);
        using var checkpoint = new RandomCheckpoint(ModelShapes.Find(shape), TestContext.Current.CancellationToken);
        var file = _folder["model.gguf"];
        new ModelExport(ExportSource.Resolve(new ExportOptions { Model = checkpoint.Folder }), type).Write(file);
        using var model = ModelLoader.Load(
            checkpoint.Folder,
            new LoadSettings(ScalarType.BFloat16, CPU, new QuantizationSettings(kind, DoubleQuantization: true)));
        using var there = new LlamaSpeed(file, threads);
        var prompt = BenchmarkModel.RandomTokens(model.Config.VocabularySize, PromptLength, seed: 1, row: 0);
        Here(model, prompt); // kernels are compiled
        there.Measure(prompt);
        var ratios = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var (other, own) = (there.Measure(prompt), Here(model, prompt));
            ratios.Add(own.Decoded / other.Decoded);
            Say($"{shape}, {threads} threads, tokens/s:");
            Say($"    llama.cpp {type} reads {other.Read:F1}, decodes {other.Decoded:F1}");
            Say($"    here {kind} reads {own.Read:F1}, decodes {own.Decoded:F1}: {ratios[^1]:F2} times");
        }

        ratios.Sort();
        Say($"median: {ratios[Rounds / 2]:F2} times llama.cpp {type}");
        Assert.All(ratios, ratio => Assert.True(double.IsFinite(ratio) && ratio > 0));
    }

    private static void Say(FormattableString line) => TestContext.Current.TestOutputHelper!.WriteLine(
        line.ToString(CultureInfo.InvariantCulture));

    /// <summary>Tokens of the prompt a second, and those that are added.</summary>
    private static (double Read, double Decoded) Here(DecoderModel model, int[] prompt)
    {
        var generator = new TextGenerator(model, null);
        var one = Seconds(1);
        return (prompt.Length / one, NewTokens / (Seconds(1 + NewTokens) - one));

        double Seconds(int tokens) =>
            generator.Generate([prompt], new GenerationOptions { MaxNewTokens = tokens }).Seconds;
    }

    /// <summary>The same in llama.cpp, as its defaults are.</summary>
    private sealed class LlamaSpeed : IDisposable
    {
        private readonly LLamaWeights _weights;
        private readonly LLamaContext _context;

        public LlamaSpeed(string file, int threads)
        {
            var parameters = new ModelParams(file)
            {
                GpuLayerCount = 0,
                ContextSize = 2 * (PromptLength + NewTokens),
                BatchSize = PromptLength,
                UBatchSize = PromptLength,
                Threads = threads,
                BatchThreads = threads,
            };
            _weights = LLamaWeights.LoadFromFile(parameters);
            _context = _weights.CreateContext(parameters);
        }

        public (double Read, double Decoded) Measure(int[] prompt)
        {
            _context.NativeHandle.MemoryClear();
            var batch = new LLamaBatch();
            for (var i = 0; i < prompt.Length; i++)
                batch.Add(prompt[i], i, LLamaSeqId.Zero, logits: i == prompt.Length - 1);
            var clock = Stopwatch.StartNew();
            var next = Decode(batch, prompt.Length - 1);
            var reading = clock.Elapsed.TotalSeconds;
            clock.Restart();
            for (var i = 0; i < NewTokens; i++)
            {
                batch.Clear();
                batch.Add(next, prompt.Length + i, LLamaSeqId.Zero, logits: true);
                next = Decode(batch, 0);
            }

            return (prompt.Length / reading, NewTokens / clock.Elapsed.TotalSeconds);
        }

        public void Dispose()
        {
            _context.Dispose();
            _weights.Dispose();
        }

        private int Decode(LLamaBatch batch, int last)
        {
            Assert.Equal(DecodeResult.Ok, _context.NativeHandle.Decode(batch));
            return LlamaCpp.MostLikely(_context.NativeHandle.GetLogitsIth(last));
        }
    }
}
