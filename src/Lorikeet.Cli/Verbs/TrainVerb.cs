using System.CommandLine;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verbs;

/// <summary>Fine-tunes a model: options from a file, the command line, or both.</summary>
internal sealed class TrainVerb : CatalogVerb
{
    private readonly Argument<string?> _configuration = new("run.yaml")
    {
        Description = "A YAML or JSON file with options; command-line options override it.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _config = new("--config")
    {
        Description = "The same, as HfArgumentParser takes it.",
        HelpName = "FILE",
    };


    public TrainVerb() : base(
        "train", "Fine-tune a model with LoRA or QLoRA on your data.", OptionCatalog.Training, OneObject)
    {
        Add(_configuration);
        Add(_config);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("QLoRA on your questions and answers",
            "train --model TinyLlama/TinyLlama-1.1B-Chat-v1.0 --dataset qa.jsonl --load_in_4bit"),
        ("a run described in a file, with another rank", "train run.yaml --lora_r 32"),
        ("several ranks and rates at once, described by 'sweep:' in the file", "train sweep.yaml"),
        ("go on after an interruption", "train runs/NAME/run.yaml --resume_from_checkpoint true"),
        ("learn from rewards: more of the answers that are right",
            "train --method grpo --adapter runs/qa/adapter --dataset qa.jsonl --reward_funcs exact_match"),
        ("the tutorial's settings of 2023",
            "train --preset seed-2023 --model NousResearch/Llama-2-7b-chat-hf --dataset mlabonne/guanaco-llama2-1k"),
    ];

    public override IReadOnlyList<string> Essentials { get; } =
    [
        "model", "dataset", "eval_dataset", "test_size", "output", "load_in_4bit", "lora_r", "lora_alpha",
        "lora_target_modules", "learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size",
        "gradient_accumulation_steps", "max_length", "chat_template", "resume_from_checkpoint", "device",
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, interruption) = call;
        var file = arguments.GetValue(_configuration) ?? arguments.GetValue(_config);
        if (SweepResolver.Resolve(file, Catalog.Read(arguments)) is { } sweep)
            return SweepOutcomes.Run(call, sweep, IsJson(call));
        var resolved = OptionsResolver.Resolve(file, Catalog.Read(arguments));
        if (RankLauncher.Create(resolved.Options, terminal) is { } launcher)
        {
            interruption.FinishFirst(
                "Asking the ranks to finish their step and save. Press Ctrl+C again to stop at once.");
            interruption.LastWords = launcher.Abandon;
            return launcher.Run([.. arguments.Tokens.Select(token => token.Value)], interruption.Token);
        }

        using var ranks = new RankMembership(
            resolved.Options.Model.LibTorch, resolved.Options.Model.Device, terminal);
        using var display = ProgressDisplay.Create(
            ranks.IsFirst ? resolved.Options.Output.Progress : ProgressMode.None, terminal.Talk,
            resolved.Options.Output.LoggingSteps, TimeProvider.System);
        using var telemetry = TelemetryExport.FromEnvironment();
        using var run = new TrainingRun(resolved)
        {
            Rewards = CommandReward.Among(resolved.Options.Rewards.RewardNames),
            NextCommands = NextCommands.After,
            Program = ProgramName.InFiles,
            Ranks = ranks.Communicator,
        };
        var result = ranks.Guard(() => RunOutcome.Train(run, SavingPhases.Watch(call, display), interruption.Token));
        display.Dispose();

        if (!ranks.IsFirst)
            return result.IsInterrupted ? interruption.ExitCode : 0;
        if (IsJson(call))
            terminal.Out.WriteLine(RunOutcome.ToJson(result));
        else if (resolved.Options.Output.DryRun)
            terminal.Error.WriteLine(DryRunSummary(result.Training));
        else
            RunOutcome.Show(terminal, result);
        return result.IsInterrupted ? interruption.ExitCode : 0;
    }

    private static string DryRunSummary(TrainingResult result) =>
        $"Options, data and model fit together. One step took {Quantities.Duration(result.Seconds)} and "
        + $"{Quantities.Bytes(result.PeakMemoryBytes)} of memory, with a loss of {Quantities.Loss(result.TrainLoss)}. "
        + "Nothing was saved.";
}
