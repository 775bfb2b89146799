using System.Text;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Loop.HuggingFaceTrainer;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Models;

/// <summary>
/// Files of settings with something changed: each is read, or refused by the product's own exception.
/// </summary>
public sealed class SettingsMutationTests : IDisposable
{
    private const int Mutants = 250;

    private static readonly string[] s_values =
    [
        "null", "true", "0", "-1", "1.5", "1e999", "-1e999", "NaN", "Infinity", "99999999999", "1e-400", "\"\"",
        "\"x\"", "[]", "{}", "[null]", "[[[]]]", "{\"a\": {}}", "\"\\ud83d\"", "2147483647", "-2147483648",
        "9223372036854775807", "0.0",
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ConfigJson() => Try(
        "config.json", Text("models", "llama3", "config.json"), folder => ModelConfigFile.Load(folder));

    [Fact]
    public void ConfigJsonOfAQuantizedModel() => Try(
        "config.json", Text("models", "gqa_bnb_nf4", "config.json"), folder => ModelConfigFile.Load(folder));

    [Fact]
    public void GenerationConfigJson() => Try(
        "generation_config.json",
        """{"do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 5, "eos_token_id": [1, 2], "num_beams": 1, "bad_words_ids": [[3]], "stop_strings": ["a"], "early_stopping": false}""",
        folder => GenerationConfig.Load(folder).Validate());

    [Fact]
    public void AdapterConfigJson() => Try(
        AdapterConfig.FileName, Text("lora", "patterns", "final", AdapterConfig.FileName),
        folder => AdapterConfig.Read(folder));

    [Fact]
    public void PromptFormatJson()
    {
        PromptFormats.Create("guanaco", null).Save(_folder.Path);
        Try(
            PromptFormat.FileName, File.ReadAllText(_folder[PromptFormat.FileName]),
            folder => PromptFormat.TryLoad(folder, null));
    }

    [Fact]
    public void TrainerStateJson() => Try(
        HuggingFaceState.FileName, Text("trainer", "checkpoint-8.trainer_state.json"),
        folder => new HuggingFaceState().Adopt(HuggingFaceState.Read(folder)!.Value));

    [Fact]
    public void PositionJson() => Try(
        "position.json", new TrainingPosition { Step = 3, Tokens = 40, LossSum = 1.5, BestEvalLoss = 2.5 }.ToJson(),
        folder => TrainingPosition.FromJson(File.ReadAllText(Path.Combine(folder, "position.json")), folder));

    [Fact]
    public void IndexOfShards() => Try(
        "model.safetensors.index.json", Text("models", "gqa_sharded", "model.safetensors.index.json"),
        folder => Lorikeet.Formats.Checkpoints.ModelWeights.Open(folder).Dispose());

    [Fact]
    public void LinesOfMetrics() => Try(
        "metrics.jsonl",
        """
        {"step":1,"epoch":0.5,"loss":1.5,"grad_norm":null,"learning_rate":0.1,"tokens":3,"tokens_per_second":2.5,"peak_memory_bytes":7}
        {"step":1,"epoch":0.5,"eval_loss":1.5,"eval_perplexity":4.5,"eval_rows":3,"eval_targets":4,"eval_runtime":1.5}
        {"step":1,"train_loss":1.5,"train_runtime":2.5,"tokens":3,"peak_memory_bytes":7,"best_eval_loss":1.5,"best_step":1,"stop_reason":"completed"}

        """,
        folder => _ = MetricsLine.ReadAll(Path.Combine(folder, "metrics.jsonl")).LastOrDefault());

    [Fact]
    public void StateOfFourBitCodes()
    {
        const string State =
            """{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [2, 32], "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.5}""";
        Try("x", State, folder =>
        {
            var state = File.ReadAllBytes(Path.Combine(folder, "x"));
            SafetensorsWriter.Write(_folder["w"],
            [
                TensorToWrite.FromArray("w.weight", SafetensorsType.U8, [32, 1], new byte[32]),
                TensorToWrite.FromArray("w.weight.absmax", SafetensorsType.U8, [1], new byte[1]),
                TensorToWrite.FromArray("w.weight.nested_absmax", SafetensorsType.F32, [1], [1f]),
                TensorToWrite.FromArray("w.weight.nested_quant_map", SafetensorsType.F32, [256], new float[256]),
                TensorToWrite.FromArray(
                    "w.weight.quant_state.bitsandbytes__nf4", SafetensorsType.U8, [state.Length], state),
            ]);
            using var file = SafetensorsFile.Open(_folder["w"]);
            StoredQuantization.Read(file, "w.weight", CPU)?.Dispose();
        });
    }

    private static string Text(params string[] path) => File.ReadAllText(TestAssets.Golden(path));

    /// <summary>Reads the text as it is, then with one to three changes, always the same ones.</summary>
    private void Try(string name, string text, Action<string> read)
    {
        var path = _folder[name];
        var refused = 0;
        for (var seed = 0; seed < Mutants; seed++)
        {
            var mutant = Mutate(Encoding.UTF8.GetBytes(text), new Random(seed));
            File.WriteAllBytes(path, mutant);
            try
            {
                read(_folder.Path);
            }
            catch (LorikeetException fault)
            {
                refused++;
                Assert.DoesNotContain("Exception", fault.Message);
            }
            catch (Exception fault)
            {
                Assert.Fail($"Mutant {seed}: {fault}\n{Encoding.UTF8.GetString(mutant)}");
            }
        }

        Assert.InRange(refused, 1, Mutants);
    }

    private static byte[] Mutate(byte[] text, Random random)
    {
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            text = random.Next(6) switch
            {
                0 => WithByte(text, random),
                1 => text[..random.Next(text.Length)],
                2 => [.. text[..random.Next(text.Length)], .. text[random.Next(text.Length)..]],
                _ => WithValue(Encoding.Latin1.GetString(text), random),
            };
            if (text.Length == 0)
                return text;
        }

        return text;
    }

    private static byte[] WithByte(byte[] text, Random random)
    {
        byte[] changed = [.. text];
        changed[random.Next(text.Length)] = (byte)random.Next(256);
        return changed;
    }

    /// <summary>Another value behind one of the colons.</summary>
    private static byte[] WithValue(string text, Random random)
    {
        var colons = Enumerable.Range(0, text.Length).Where(i => text[i] == ':').ToArray();
        if (colons.Length == 0)
            return Encoding.Latin1.GetBytes(text);
        var from = colons[random.Next(colons.Length)] + 1;
        var to = text.IndexOfAny([',', '}', '\n'], from);
        return Encoding.Latin1.GetBytes(
            text[..from] + s_values[random.Next(s_values.Length)] + (to < 0 ? "" : text[to..]));
    }
}
