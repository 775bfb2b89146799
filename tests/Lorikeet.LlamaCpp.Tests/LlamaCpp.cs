using LLama;
using LLama.Common;
using LLama.Native;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>A model in llama.cpp, on one thread of a CPU.</summary>
internal sealed class LlamaCpp : IDisposable
{
    /// <summary>What stands in the tables of docs/compatibility.md.</summary>
    public const string Version = "llama.cpp of LLamaSharp.Backend.Cpu 0.30.0";

    private const int Threads = 1; // more would wait for each other, spinning, beside other tests

    /// <summary>Sequences that are decoded at once.</summary>
    private const int Sequences = 16;

    /// <summary>Tokens of a sequence, prompt and answer.</summary>
    private const int Length = 128;

    private readonly LLamaWeights _weights;
    private readonly LLamaContext? _context;

    static LlamaCpp() => NativeLibraryConfig.All.WithLogCallback((_, _) => { });

    private LlamaCpp(string path, bool vocabularyOnly)
    {
        var parameters = new ModelParams(path)
        {
            VocabOnly = vocabularyOnly,
            GpuLayerCount = 0,
            SeqMax = Sequences,
            ContextSize = Sequences * Length,
            BatchSize = Sequences * Length,
            UBatchSize = 512,
            Threads = Threads,
            BatchThreads = Threads,
            TypeK = GGMLType.GGML_TYPE_F32,
            TypeV = GGMLType.GGML_TYPE_F32,
            FlashAttention = false, // it rounds to half precision
        };
        _weights = LLamaWeights.LoadFromFile(parameters);
        _context = vocabularyOnly ? null : _weights.CreateContext(parameters);
    }

    /// <summary>Loads a model.</summary>
    public static LlamaCpp Open(string path) => new(path, vocabularyOnly: false);

    /// <summary>Loads the tokenizer alone.</summary>
    public static LlamaCpp OpenVocabulary(string path) => new(path, vocabularyOnly: true);

    /// <summary>The chat template, as llama.cpp gives it to its engine.</summary>
    public string? Template => _weights.NativeHandle.GetTemplate(null, false);

    public int? EndToken => (int?)_weights.Vocab.EOS;

    public int? BeginToken => (int?)_weights.Vocab.BOS;

    /// <summary>Whether llama.cpp stops at a token.</summary>
    public bool Ends(int id) => ((LLamaToken)id).IsEndOfGeneration(_weights.Vocab);

    /// <summary>The tokens of a text, special ones recognised.</summary>
    public int[] Encode(string text) =>
        [
            .. _weights.NativeHandle.Tokenize(text, addBos: true, special: true, System.Text.Encoding.UTF8)
                .Select(id => (int)id)];

    /// <summary>Adds what an adapter file holds to whatever is computed from now on.</summary>
    public void Add(string adapter) =>
        _context!.NativeHandle.SetLoraAdapters(new[] { (_weights.NativeHandle.LoadLoraFromFile(adapter), 1f) });

    /// <summary>Logits after each token, row by row.</summary>
    public float[] Logits(int[] ids)
    {
        _context!.NativeHandle.MemoryClear();
        var batch = new LLamaBatch();
        for (var i = 0; i < ids.Length; i++)
            batch.Add(ids[i], i, LLamaSeqId.Zero, logits: true);
        Assert.Equal(DecodeResult.Ok, _context.NativeHandle.Decode(batch));
        return [.. Enumerable.Range(0, ids.Length).SelectMany(i => _context.NativeHandle.GetLogitsIth(i).ToArray())];
    }

    /// <summary>The text of an answer's tokens.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        var decoder = new StreamingTokenDecoder(System.Text.Encoding.UTF8, _weights);
        decoder.AddRange(ids.Select(id => (LLamaToken)id));
        return decoder.Read();
    }

    /// <summary>The most likely tokens after each prompt, up to one that ends the text, which is among them.</summary>
    public List<int[]> Continue(IEnumerable<int[]> prompts, int count) =>
        [.. prompts.Chunk(Sequences).SelectMany(some => ContinueTogether(some, count))];

    private IEnumerable<int[]> ContinueTogether(int[][] prompts, int count)
    {
        _context!.NativeHandle.MemoryClear();
        var answers = prompts.Select(_ => new List<int>()).ToArray();
        var batch = new LLamaBatch();
        var last = new Dictionary<int, int>(); // of each sequence that is read, where in the batch its logits are
        for (var row = 0; row < prompts.Length; row++)
            for (var i = 0; i < prompts[row].Length; i++)
                last[row] = batch.Add(prompts[row][i], i, (LLamaSeqId)row, logits: i == prompts[row].Length - 1);
        while (last.Count > 0)
        {
            Assert.Equal(DecodeResult.Ok, _context.NativeHandle.Decode(batch));
            var chosen = last.ToDictionary(
                pair => pair.Key, pair => MostLikely(_context.NativeHandle.GetLogitsIth(pair.Value)));
            batch.Clear();
            last.Clear();
            foreach (var (row, id) in chosen)
            {
                answers[row].Add(id);
                if (answers[row].Count < count && !Ends(id))
                {
                    var position = prompts[row].Length + answers[row].Count - 1;
                    last[row] = batch.Add(id, position, (LLamaSeqId)row, logits: true);
                }
            }
        }

        return answers.Select(answer => answer.ToArray());
    }

    /// <summary>The first of the largest logits.</summary>
    public static int MostLikely(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var id = 1; id < logits.Length; id++)
            if (logits[id] > logits[best])
                best = id;
        return best;
    }

    public void Dispose()
    {
        _context?.Dispose();
        _weights.Dispose();
    }
}
