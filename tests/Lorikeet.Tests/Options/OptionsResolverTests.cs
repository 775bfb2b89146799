using Lorikeet.Configuration;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Quantization;
using Lorikeet.Training;

namespace Lorikeet.Tests.Options;

public sealed class OptionsResolverTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lorikeet-options").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void CommandLine_OverridesFile_WhichOverridesPreset()
    {
        var resolved = Resolve("preset: seed-2023\nlora_r: 8\nlearning_rate: 1e-5\n", ("lora_r", "4"));

        Assert.Equal(4, resolved.Options.Lora.Rank);
        Assert.Equal(1e-5, resolved.Options.Optimization.LearningRate);
        Assert.Equal(16, resolved.Options.Lora.Alpha);
        Assert.Equal(SchedulerKind.Constant, resolved.Options.Optimization.Scheduler);
        Assert.Equal("command line", resolved.OriginOf("lora_r").Text);
        Assert.Equal("run.yaml:3", resolved.OriginOf("learning_rate").Text);
        Assert.Equal("preset seed-2023", resolved.OriginOf("lora_alpha").Text);
        Assert.Equal("default", resolved.OriginOf("seed").Text);
    }

    [Fact]
    public void Groups_MayNestOptionsAndDropTheirPrefix()
    {
        var options = Resolve("""
            model:
              model: base
              dtype: bf16
            data: { dataset: rows.jsonl }
            lora:
              r: 8
              dropout: 0.1
              target_modules: [q_proj, v_proj]
              rank_pattern: { q_proj: 4 }
            """).Options;

        Assert.Equal("base", options.Model.Model);
        Assert.Equal(ComputeType.BFloat16, options.Model.TorchDtype);
        Assert.Equal(["rows.jsonl"], options.Data.Datasets);
        Assert.Equal(8, options.Lora.Rank);
        Assert.Equal(0.1, options.Lora.Dropout);
        Assert.Equal(["q_proj", "v_proj"], options.Lora.TargetModules.Names);
        Assert.Equal(4, options.Lora.RankPattern["q_proj"]);
    }

    [Fact]
    public void OptionInAnotherGroup_IsRefusedWithItsOwn()
    {
        var message = Fails("lora:\n  learning_rate: 1e-3\n");
        Assert.Contains("run.yaml:2: 'learning_rate' belongs to 'optimization', not to 'lora'", message);
    }

    [Fact]
    public void UnknownKey_IsAnErrorWithLineAndNearestName()
    {
        var message = Fails("model: m\ndataset: d\nlora_rnk: 8\n");
        Assert.Contains("run.yaml:3: 'lora_rnk' is not an option. Did you mean 'lora_rank'?", message);
    }

    [Fact]
    public void UnknownKeys_InGreatNumber_AreRefusedAtOnce()
    {
        var text = string.Concat(Enumerable.Range(0, 5_000).Select(i => $"model_of_the_day_{i}: a\n"));
        Fails(text);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("holds no option that is known", Fails(text));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64L << 20);
    }

    [Fact]
    public void SeveralProblems_AreReportedAtOnce()
    {
        var message = Fails(
            "lora_r: 0\nlr: fast\noptim: sgdd\nmax_length: 10.5\nload_in_4bit: maybe\n", ("lora_dropout", "1"));

        Assert.StartsWith("6 options are wrong:", message);
        Assert.Contains("run.yaml:1: 'lora_r' is '0'. Expected a whole number at least 1 and at most 4096.", message);
        Assert.Contains("run.yaml:2: 'lr' is 'fast'. Expected a number at least 0.", message);
        Assert.Contains("run.yaml:3: 'optim' is 'sgdd'. Expected adamw_torch, ", message);
        Assert.Contains("run.yaml:4: 'max_length' is '10.5'. Expected a whole number", message);
        Assert.Contains("run.yaml:5: 'load_in_4bit' is 'maybe'. Expected true or false.", message);
        Assert.Contains("--lora_dropout is '1'. Expected a number at least 0 and below 1.", message);
    }

    [Fact]
    public void DuplicateKey_IsAnErrorThatNamesBothLines()
    {
        var message = Fails("seed: 1\nlora_r: 8\nseed: 1\n");
        Assert.Contains("run.yaml:3: 'seed' is there twice, first at run.yaml:1", message);
    }

    [Fact]
    public void TwoNamesOfOneOption_MayAgreeButNotDiffer()
    {
        Assert.Equal(512, Resolve("max_seq_length: 512\nmax_length: 512\n").Options.Data.MaxLength);
        Assert.Contains(
            "run.yaml:2: 'max_length' sets max_length to '256', but run.yaml:1: 'max_seq_length' sets it to '512'",
            Fails("max_seq_length: 512\nmax_length: 256\n"));
    }

    [Theory]
    [InlineData("lora_r: [8", "run.yaml:")]
    [InlineData("- lora_r\n- 8\n", "run.yaml:1: This is not a list of options")]
    [InlineData("seed: &s 3\nlora_r: *s\n", "run.yaml:2: '*s' refers to another value")]
    [InlineData("seed: 1\n---\nseed: 2\n", "A second document begins")]
    [InlineData("peft: { r: 8 }\n", "run.yaml:1: 'peft' is not an option")]
    [InlineData("seed: [1, 2]\n", "run.yaml:1: 'seed' is '1,2'. Expected one value.")]
    [InlineData("seed:\n", "run.yaml:1: 'seed' is 'null'. Expected a value.")]
    [InlineData("seed: 1\nlora_r: 8\n   lora_alpha: 16\n", "run.yaml:3 is indented deeper than line 2")]
    [InlineData("seed: 1\nlora_r: 8\n\tlora_alpha: 16\n", "run.yaml:3 is indented with a tab")]
    [InlineData("lora:\n\tr: 8\n", "run.yaml:2 is indented with a tab")]
    [InlineData("seed: 'a\nlora_r: 8\n", "run.yaml:")]
    public void MalformedFile_SaysWhereAndWhat(string yaml, string expected) => Assert.Contains(expected, Fails(yaml));

    [Fact]
    public void HostileFile_IsRefusedInFewWords()
    {
        Assert.Contains("nested deeper", Fails("model: " + string.Concat(Enumerable.Repeat("{a: ", 100_000))));
        var many = Fails("seed: 1\n" + string.Concat(Enumerable.Range(0, 20_000).Select(index => $"k{index}: 1\n")));
        Assert.Contains("20000 options are wrong", many);
        Assert.True(many.Length < 10_000);
        Assert.True(Fails($"{new string('k', 1 << 20)}: 1\nseed: {new string('x', 1 << 20)}\n").Length < 10_000);
    }

    [Fact]
    public void FileThatIsNoText_IsNamed()
    {
        File.WriteAllBytes(Path.Combine(_folder, "run.yaml"), [0xFF, 0xC3, 0x28]);
        Assert.Contains("not text in UTF-8", FailsOf(Path.Combine(_folder, "run.yaml")));
        Assert.Contains("is a folder", FailsOf(_folder));
    }

    [Fact]
    public void JsonFile_IsReadLikeYaml()
    {
        var path = Path.Combine(_folder, "args.json");
        File.WriteAllText(path, """
            {
              "model_name_or_path": "base", "dataset_name": "rows.jsonl",
              "learning_rate": 2E-5, "max_steps": -1, "bf16": true,
              "target_modules": ["q_proj"], "report_to": "none", "run_name": null
            }
            """);
        var options = OptionsResolver.Resolve(path, []).Options;

        Assert.Equal(2e-5, options.Optimization.LearningRate);
        Assert.Null(options.Optimization.MaxSteps);
        Assert.Equal(ComputeType.BFloat16, options.Model.TorchDtype);
        Assert.Equal([MetricSink.None], options.Output.ReportTo);
        Assert.Null(options.Output.RunName);
    }

    [Fact]
    public void RunYaml_ReadsBackAsTheSameOptionsAndStatesOrigins()
    {
        var resolved = Resolve(
            """
            preset: seed-2023
            output: runs/mine
            rank_pattern: {q_proj: 4}
            sample_prompts: ['Hà Nội ở đâu?', 'a, b: "c"']
            target_modules: '.*\.(q|v)_proj'

            """,
            ("adam_epsilon", "1e-8"), ("resume_from_checkpoint", "true"));
        var yaml = resolved.ToYaml();
        Assert.Matches(@"(?m)^lora_r: 64 +# preset seed-2023$", yaml);
        Assert.Matches(@"(?m)^adam_epsilon: 1e-08 +# command line$", yaml);
        Assert.Matches("(?m)^resume_from_checkpoint: latest +# command line$", yaml);

        var path = Path.Combine(_folder, "again.yaml");
        File.WriteAllText(path, yaml);
        var again = OptionsResolver.Resolve(path, []);
        foreach (var option in OptionCatalog.Training.Options)
        {
            var value = OptionValueWriter.ToYaml(option.Get(resolved.Options));
            Assert.Equal(value, OptionValueWriter.ToYaml(option.Get(again.Options)));
        }

        Assert.Equal(["Hà Nội ở đâu?", "a, b: \"c\""], again.Options.Evaluation.SamplePrompts);
        Assert.Equal(@".*\.(q|v)_proj", again.Options.Lora.TargetModules.Pattern);
    }

    [Fact]
    public void Seed2023_HasTheTutorialsSettingsAndSaysItsTraps()
    {
        var resolved = OptionsResolver.Resolve(null, [Set("preset", "seed-2023")]);
        var options = resolved.Options;

        Assert.Equal("NousResearch/Llama-2-7b-chat-hf", options.Model.Model);
        Assert.Equal(QuantizationKind.Nf4, options.Quantization.Kind);
        Assert.False(options.Quantization.DoubleQuant);
        Assert.Equal((64, 16.0, 0.1), (options.Lora.Rank, options.Lora.Alpha, options.Lora.Dropout));
        Assert.Equal(OptimizerKind.PagedAdamW32Bit, options.Optimization.Optimizer);
        Assert.Equal(0.3, options.Optimization.MaxGradNorm);
        Assert.Contains(
            resolved.Notes, note => note.StartsWith("Kept: lr_scheduler_type is constant", StringComparison.Ordinal));
        Assert.Contains(resolved.Notes, note => note.StartsWith("Fixed:", StringComparison.Ordinal));
        Assert.Empty(resolved.Warnings);
    }

    [Fact]
    public void UnknownPreset_NamesThoseThereAre() =>
        Assert.Contains("'best' does not exist. Expected recommended or seed-2023.", Fails("preset: best\n"));

    [Theory]
    [InlineData("load_in_4bit: true\nload_in_8bit: true\n", "are both true")]
    [InlineData("load_in_4bit: true\nfp8: true\n", "'fp8' are both true")]
    [InlineData("load_in_8bit: true\nload_in_4bit: true\nfp8: true\n", "are all true")]
    [InlineData("finetuning_type: full\nload_in_4bit: true\n", "quantized weights cannot be trained")]
    [InlineData("finetuning_type: full\nfp8: true\n", "quantized weights cannot be trained")]
    [InlineData("offload_layers: 2\nfp8: true\n", "'fp8' cannot go with")]
    [InlineData("shard_base: true\nfp8: true\n", "'shard_base': weights in FP8 stay on their device")]
    [InlineData("device: gpu\n", "run.yaml:1: 'device' is 'gpu'. Expected auto, cpu, cuda or cuda:N.")]
    [InlineData("load_best_model_at_end: true\n", "needs held-out rows")]
    [InlineData("eval_strategy: steps\n", "needs held-out rows")]
    [InlineData("layers_pattern: layers\n", "without layers_to_transform")]
    [InlineData("lora_target_modules: '.*(q'\n", "no regular expression")]
    [InlineData("lr_scheduler_kwargs: {power: 2}\n", "'power', which the schedule cosine does not take")]
    [InlineData("test_size: 10.5\n", "a whole number of rows")]
    [InlineData("test_size: 10\neval_dataset: e\n", "are both given")]
    [InlineData("overwrite_output_dir: true\nresume: latest\n", "would delete")]
    [InlineData("resume_from_checkpoint: true\n", "is latest, but no run is named")]
    public void Contradiction_IsAnError(string yaml, string expected) => Assert.Contains(expected, Fails(yaml));

    [Theory]
    [InlineData("lr_scheduler_type: constant\nwarmup_ratio: 0.1\n", "the schedule constant ignores warm-up")]
    [InlineData("warmup_steps: 5\nwarmup_ratio: 0.1\n", "'warmup_ratio' has no effect: warmup_steps is given")]
    [InlineData("bnb_4bit_quant_type: fp4\n", "has no effect without load_in_4bit")]
    [InlineData("packing: true\ngroup_by_length: true\n", "'group_by_length' has no effect with packing")]
    [InlineData("adapter: a\nlora_r: 8\n", "'lora_r' has no effect: the adapter keeps its own")]
    [InlineData("dataloader_num_workers: 4\n", "run.yaml:1: 'dataloader_num_workers' has no effect here.")]
    public void SettingWithoutEffect_IsAWarning(string yaml, string expected) =>
        Assert.Contains(Resolve(yaml).Warnings, warning => warning.Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void MissingModelAndData_AreBothReported()
    {
        var message = Assert.Throws<ConfigurationException>(() => OptionsResolver.Resolve(null, [])).Message;
        Assert.Contains("No model is given", message);
        Assert.Contains("No dataset is given", message);
    }

    [Fact]
    public void ListsAndMappings_TakeCommasRepetitionAndJson()
    {
        var options = Resolve(
            "", ("modules_to_save", "lm_head,embed_tokens"), ("rank_pattern", "q_proj=4,v_proj=8"),
            ("lr_scheduler_kwargs", "{\"num_cycles\": 2}"), ("layers_to_transform", "[0, 2]"),
            ("init_lora_weights", "False")).Options;

        Assert.Equal(["lm_head", "embed_tokens"], options.Lora.ModulesToSave);
        Assert.Equal(8, options.Lora.RankPattern["v_proj"]);
        Assert.Equal(2, options.Optimization.SchedulerArguments["num_cycles"]);
        Assert.Equal([0, 2], options.Lora.LayersToTransform);
        Assert.Equal(LoraInitialisation.Random, options.Lora.InitLoraWeights);
    }

    [Fact]
    public void OptionsMadeInCode_WriteTheSameFile()
    {
        var resolved = ResolvedOptions.FromCode(
            new TrainingOptions { Model = new() { Model = "base" }, Lora = new() { Rank = 4 } }, needsData: false);
        Assert.Matches("(?m)^lora_r: 4 +# code$", resolved.ToYaml());
        Assert.Matches("(?m)^seed: 42 +# default$", resolved.ToYaml());
    }

    [Fact]
    public void OptionsMadeInCode_KeepTheRangesOfWrittenOnes()
    {
        var options = new TrainingOptions
        {
            Model = new() { Model = "base", OffloadLayers = -1 },
            Lora = new() { Rank = 0, RankPattern = new Dictionary<string, int> { ["q_proj"] = 0 } },
            Optimization = new() { LearningRate = double.NaN },
        };
        var made = Assert.Throws<ConfigurationException>(
            () => ResolvedOptions.FromCode(options, needsData: false)).Message;
        var written = Fails(
            "", ("offload_layers", "-1"), ("lora_r", "0"), ("rank_pattern", "q_proj=0"), ("learning_rate", "nan"));

        Assert.StartsWith("4 options are wrong:", made);
        foreach (var problem in made.Split('\n').Skip(1))
            Assert.Contains(problem[problem.IndexOf("Expected", StringComparison.Ordinal)..], written);
        Assert.Contains("'lora_r' is '0'. Expected a whole number at least 1", made);
    }

    private static Setting Set(string name, string value) =>
        new(name, new RawValue.Scalar(value), OptionOrigin.CommandLine);

    private static string FailsOf(string path) =>
        Assert.Throws<ConfigurationException>(() => OptionsResolver.Resolve(path, [])).Message;

    private string Fails(string yaml, params (string, string)[] commandLine) =>
        Assert.Throws<ConfigurationException>(() => Resolve(yaml, commandLine)).Message;

    private ResolvedOptions Resolve(string yaml, params (string Name, string Value)[] commandLine)
    {
        var path = Path.Combine(_folder, "run.yaml");
        File.WriteAllText(path, yaml);
        (string Name, string Value)[] required =
            yaml.Contains("seed-2023", StringComparison.Ordinal) ? [] : [("model", "base"), ("dataset", "rows.jsonl")];
        var missing = required.Where(pair => !yaml.Contains(pair.Name + ":", StringComparison.Ordinal));
        var settings = missing.Concat(commandLine).Select(pair => Set(pair.Name, pair.Value));
        return OptionsResolver.Resolve(path, [.. settings]);
    }
}
