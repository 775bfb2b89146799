using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet;
using Lorikeet.Data;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Models;
using Lorikeet.Models.Optimization;
using Lorikeet.Runs;
using Lorikeet.Text.Tokenization;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using NanoBase.Facts;
using NanoBase.Generation;

namespace NanoBase;

/// <summary><c>pretrain</c>: trains every weight of the nano base from random ones on the generated text.</summary>
internal static class PretrainCommand
{
    private const ulong Seed = 2026;
    // several small shards, so that the embedded model exercises sharded reading
    private const long ShardBytes = 6_000_000;

    public static Command Create(Option<DirectoryInfo> facts)
    {
        var steps = new Option<int>("--steps") { Description = "Optimizer steps", DefaultValueFactory = _ => 5000 };
        var batch = new Option<int>("--batch") { Description = "Documents in a step", DefaultValueFactory = _ => 256 };
        var rate = new Option<double>("--learning-rate")
        {
            Description = "Peak learning rate",
            DefaultValueFactory = _ => 2e-3,
        };
        var device = new Option<string>("--device")
        {
            Description = "auto, cpu or cuda",
            DefaultValueFactory = _ => "auto",
        };
        var model = new Option<DirectoryInfo>("--model")
        {
            Description = "The folder with the tokenizer, to which the model is written",
            DefaultValueFactory = _ => new DirectoryInfo("assets/nano-base"),
        };
        var command = new Command(
            "pretrain", "Train the nano base from random weights") { steps, batch, rate, device, model };
        command.SetAction(parsed => Pretrain(
            FactLibrary.Load(parsed.GetRequiredValue(facts).FullName), parsed.GetRequiredValue(model).FullName,
            parsed.GetValue(steps), parsed.GetValue(batch), parsed.GetValue(rate), parsed.GetValue(device)!));
        return command;
    }

    private static void Pretrain(FactLibrary library, string folder, int steps, int batch, double rate, string device)
    {
        var tokenizer = Tokenizer.Load(folder);
        using var model = RandomModel.Create(Shape(tokenizer), device, Seed);
        Console.WriteLine($"{model.ParameterCount:N0} parameters, vocabulary {tokenizer.VocabularySize}, {device}");

        var rows = Rows(library, tokenizer, steps * batch);
        Console.WriteLine(
            $"{rows.Count:N0} documents, {rows.Sum(row => (long)row.Length):N0} tokens, longest " +
            $"{rows.Max(row => row.Length)}");
        var options = new TrainingOptions
        {
            Optimization = new()
            {
                BatchSize = batch,
                GradientAccumulation = 1,
                MaxSteps = steps,
                LearningRate = rate,
                WarmupSteps = 200,
                Scheduler = SchedulerKind.Cosine,
                WeightDecay = 0.01,
                AdamBeta2 = 0.98,
                MaxGradNorm = 1,
            },
            Output = new() { SaveStrategy = IntervalStrategy.No },
            Evaluation = new() { Strategy = IntervalStrategy.No },
        };
        var run = new RunFolder("artifacts/nano-base/run");
        using (var trainer = new Trainer(
            new TrainingTask(model, rows, [], options, run.Checkpoints, Adapter: null, BaseModel: null),
            new PrintedLog()))
            trainer.Train(CancellationToken.None);

        RandomModel.Save(model, folder, ShardBytes);
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), GenerationConfig(tokenizer));
    }

    /// <summary>Every document between its begin and end tokens; all of it is a target.</summary>
    private static List<TrainingRow> Rows(FactLibrary library, Tokenizer tokenizer, int count) =>
        [.. new CorpusGenerator(library).Documents(Seed).Take(count).AsParallel().AsOrdered().Select(document =>
        {
            int[] ids = [.. tokenizer.Encode(document.Text).Ids, tokenizer.EndToken!.Value];
            return new TrainingRow(ids, ids);
        })];

    private static JsonObject Shape(Tokenizer tokenizer) => new()
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["attention_bias"] = false,
        ["bos_token_id"] = tokenizer.BeginToken,
        ["dtype"] = "bfloat16",
        ["eos_token_id"] = tokenizer.EndToken,
        ["hidden_act"] = "silu",
        ["hidden_size"] = 256,
        ["initializer_range"] = 0.02,
        ["intermediate_size"] = 704,
        ["max_position_embeddings"] = 512,
        ["mlp_bias"] = false,
        ["model_type"] = "llama",
        ["num_attention_heads"] = 8,
        ["num_hidden_layers"] = 8,
        ["num_key_value_heads"] = 4,
        ["rms_norm_eps"] = 1e-5,
        ["rope_theta"] = 10000.0,
        ["tie_word_embeddings"] = true,
        ["use_cache"] = true,
        ["vocab_size"] = tokenizer.VocabularySize,
    };

    private static string GenerationConfig(Tokenizer tokenizer) => new JsonObject
    {
        ["bos_token_id"] = tokenizer.BeginToken,
        ["eos_token_id"] = tokenizer.EndToken,
    }.ToJsonString(JsonFormats.Indented) + "\n";

    private sealed class PrintedLog : ITrainingObserver
    {
        private const int Interval = 50;
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private long _tokens;

        public void Observe(TrainingEvent trainingEvent)
        {
            if (trainingEvent is not StepCompleted { Metrics: var step } || step.Step % Interval != 0)
                return;
            var rate = (step.Tokens - _tokens) / _clock.Elapsed.TotalSeconds;
            _tokens = step.Tokens;
            _clock.Restart();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"step {step.Step,6}  loss {step.Loss:F4}  grad norm {step.GradNorm:F3}  rate " +
                $"{step.LearningRate:E2}  tokens/s {rate:N0}"));
        }
    }
}
