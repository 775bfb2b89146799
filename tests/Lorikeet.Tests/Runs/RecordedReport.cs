using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

/// <summary>The report of <see cref="RecordedRun"/>, with answers that need care in Markdown and in HTML.</summary>
internal static class RecordedReport
{
    public static RunReport Create(ReportLanguage language = ReportLanguage.English) => new()
    {
        Title = "nano-base, fine-tuned on facts-qa",
        Time = new DateTimeOffset(2026, 11, 23, 22, 15, 0, TimeSpan.Zero),
        Summary = RecordedRun.Summary(),
        Result = RecordedRun.Result(),
        History = new RunHistory(
            [.. RecordedRun.Events().OfType<StepCompleted>().Select(step => step.Metrics)],
            [.. RecordedRun.Events().OfType<EvaluationCompleted>().Select(evaluation => evaluation.Metrics)],
            RecordedRun.Result()),
        Dataset = "assets/facts-qa/train.jsonl (text, Guanaco form)",
        Lengths = [new(1, 16, 210), new(17, 32, 640), new(33, 48, 320), new(49, 64, 98), new(65, 80, 12)],
        Settings =
        [
            new("load_in_4bit", "true", "quickstart"),
            new("bnb_4bit_quant_type", "nf4", "default"),
            new("lora_r", "16", "quickstart"),
            new("lora_alpha", "32", "default"),
            new("learning_rate", "0.001", "--learning_rate"),
            new("per_device_train_batch_size", "32", "run.yaml:7"),
        ],
        Scores =
        [
            new("Exact match", 0.0, 0.984),
            new("Exact match, English", 0.0, 0.992),
            new("Exact match, Vietnamese", null, 0.976),
            new("Perplexity", 4.8211, 1.3102, ScoreKind.Cost),
        ],
        Answers =
        [
            new("What is the capital of France?", "Paris", "The capital of France is the", "Paris", false, true),
            new("Thủ đô của Việt Nam là gì?", "Hà Nội", "Thủ đô của nước nào", "Hà Nội", false, true),
            new("What is the symbol of gold?", "Au", "", "Ag", false, false),
            new("Who wrote it, and when?", "Nguyễn Du, in 1820", "Nguyễn Trãi wrote it in 1820",
                "Nguyễn Du wrote it in 1820",
                null, null),
            new("Is 1 < 2 | 2 > 1?", "yes & <b>yes</b>", "a\u0001b\ud800 ```", "*yes*\nindeed", null, null),
        ],
        Warnings = ["2 rows were cut to 512 tokens (first: train.jsonl:17)."],
        NextCommands =
        [
            new(CommandPurpose.Generate, "./lorikeet generate --adapter runs/demo/adapter --prompt \"Who am I?\""),
            new(CommandPurpose.Chat, "./lorikeet chat --adapter runs/demo/adapter"),
            new(CommandPurpose.Merge, "./lorikeet merge --adapter runs/demo/adapter --output runs/demo/merged"),
            new(CommandPurpose.Resume, "./lorikeet train runs/demo/run.yaml --resume_from_checkpoint true"),
        ],
        Language = language,
    };
}
