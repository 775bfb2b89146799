using Lorikeet.Models.Native;
using Lorikeet.Training;

namespace Lorikeet.Runs.Reports;

/// <summary>The words of a report.</summary>
internal static class ReportText
{
    public static Bilingual Answers => new("Answers before and after", "Câu trả lời trước và sau");
    public static Bilingual Scores => new("Scores", "Kết quả đánh giá");
    public static Bilingual Training => new("Training", "Quá trình huấn luyện");
    public static Bilingual Data => new("Data and model", "Dữ liệu và mô hình");
    public static Bilingual Settings => new("Settings", "Thiết lập");
    public static Bilingual Warnings => new("Worth knowing", "Cần lưu ý");
    public static Bilingual Next => new("Go on", "Tiếp theo");
    public static Bilingual Numbers => new("The numbers", "Các con số");

    public static Bilingual Sweep => new("Runs compared", "So sánh các lần chạy");
    public static Bilingual Run => new("Run", "Lần chạy");
    public static Bilingual Ending => new("Outcome", "Kết cục");
    public static Bilingual Best => new("Best", "Tốt nhất");
    public static Bilingual Failed => new("failed", "thất bại");

    public static Bilingual Question => new("Question", "Câu hỏi");
    public static Bilingual Expected => new("Expected", "Đáp án");
    public static Bilingual Before => new("Before", "Trước");
    public static Bilingual After => new("After", "Sau");
    public static Bilingual Correct => new("correct", "đúng");
    public static Bilingual Wrong => new("wrong", "sai");

    public static Bilingual Score => new("Score", "Chỉ số");
    public static Bilingual Base => new("Base", "Mô hình nền");
    public static Bilingual Tuned => new("Fine-tuned", "Sau tinh chỉnh");

    public static Bilingual Step => new("step", "bước");
    public static Bilingual TrainLoss => new("Training loss", "Loss huấn luyện");
    public static Bilingual Lengths =>
        new("Training rows by length, in tokens", "Số dòng huấn luyện theo độ dài (token)");

    public static Bilingual SmoothedLoss => new("Training loss, smoothed", "Loss huấn luyện, làm trơn");
    public static Bilingual EvalLoss => new("Evaluation loss", "Loss đánh giá");
    public static Bilingual LearningRate => new("Learning rate", "Tốc độ học");
    public static Bilingual GradNorm => new("Gradient norm", "Chuẩn gradient");
    public static Bilingual Loss => new("Loss (nats per answer token)", "Loss (nat trên mỗi token trả lời)");

    public static Bilingual Model => new("Model", "Mô hình");
    public static Bilingual Device => new("Runs on", "Chạy trên");
    public static Bilingual Parameters => new("Parameters", "Tham số");
    public static Bilingual Trainable => new("Trained parameters", "Tham số được huấn luyện");
    public static Bilingual Dataset => new("Data", "Dữ liệu");
    public static Bilingual TrainRows => new("Training rows", "Số dòng huấn luyện");
    public static Bilingual EvalRows => new("Held-out rows", "Số dòng giữ lại");
    public static Bilingual TrainTokens => new("Tokens in them", "Số token");
    public static Bilingual TargetTokens => new("Answer tokens (trained on)", "Số token trả lời (được học)");
    public static Bilingual LongestRow => new("Longest row", "Dòng dài nhất");
    public static Bilingual MaxLength => new("Rows are cut at", "Giới hạn độ dài");

    public static Bilingual Setting => new("Setting", "Thiết lập");
    public static Bilingual Value => new("Value", "Giá trị");
    public static Bilingual Origin => new("Set by", "Nguồn");

    public static Bilingual Steps => new("Steps", "Số bước");
    public static Bilingual Duration => new("Training time", "Thời gian huấn luyện");
    public static Bilingual Speed => new("Tokens per second", "Token mỗi giây");
    public static Bilingual PeakMemory => new("Peak memory", "Bộ nhớ tối đa");
    public static Bilingual PlannedMemory => new("Peak memory, predicted", "Bộ nhớ tối đa, dự đoán");
    public static Bilingual PlannedSpeed => new("Tokens per second, predicted", "Token mỗi giây, dự đoán");
    public static Bilingual BestEvalLoss => new("Best evaluation loss", "Loss đánh giá tốt nhất");
    public static Bilingual PreferenceAccuracy => new("Preference accuracy", "Độ chính xác trên các cặp ưu tiên");
    public static Bilingual RewardMargin => new("Reward margin", "Biên phần thưởng");
    public static Bilingual BestExactMatch => new("Best exact match", "Khớp chính xác tốt nhất");
    public static Bilingual BestF1 => new("Best F1", "F1 tốt nhất");
    public static Bilingual BestRougeL => new("Best ROUGE-L", "ROUGE-L tốt nhất");
    public static Bilingual AnswerScores => new(
        "Answers to held-out questions", "Câu trả lời cho các câu hỏi giữ lại");
    public static Bilingual Forgetting => new(
        "Forgetting (nats per token)", "Mức độ quên (nat trên mỗi token)");
    public static Bilingual FinalLoss => new("Final training loss", "Loss huấn luyện cuối");

    /// <summary>A title in both languages.</summary>
    public static Bilingual Title(string title) => new(title, title.Replace(", fine-tuned on ", ", tinh chỉnh trên "));

    /// <summary>The name of a score in both languages, perhaps with the language of its questions behind it.</summary>
    public static Bilingual ScoreName(string name)
    {
        var parts = name.Split(", ").Select(part => part switch
        {
            "Exact match" => "Khớp chính xác",
            "English" => "tiếng Anh",
            "Vietnamese" => "tiếng Việt",
            "Preference accuracy" => "Độ chính xác trên các cặp ưu tiên",
            "Mean reward" => "Phần thưởng trung bình",
            "Held-out loss" => "Loss trên phần giữ lại",
            "Forgetting" => "Mức độ quên",
            "Perplexity of the answers" => "Perplexity của câu trả lời",
            _ => part,
        });
        return new(name, string.Join(", ", parts));
    }

    /// <summary>Who set a value, in both languages.</summary>
    public static Bilingual SetBy(string origin) => origin switch
    {
        "default" => new Bilingual(origin, "mặc định"),
        "command line" => new Bilingual(origin, "dòng lệnh"),
        _ when origin.StartsWith("preset ", StringComparison.Ordinal) =>
            new Bilingual(origin, "bộ thiết lập " + origin["preset ".Length..]),
        _ when origin.StartsWith("environment ", StringComparison.Ordinal) =>
            new Bilingual(origin, "biến môi trường " + origin["environment ".Length..]),
        _ => origin,
    };

    /// <summary>A number of tokens.</summary>
    public static Bilingual TokenCount(string count) => new($"{count} tokens", $"{count} token");

    /// <summary>A prediction beside its measurement.</summary>
    public static Bilingual Measured(string text) => new(text, text.Replace(", measured ", ", đo được "));

    public static Bilingual Outcome(StopReason reason) => reason switch
    {
        StopReason.Completed => new("completed", "hoàn tất"),
        StopReason.EarlyStopping => new("stopped early", "dừng sớm"),
        StopReason.Forgetting => new("stopped: it forgot too much", "đã dừng vì quên quá nhiều"),
        _ => new("interrupted", "bị ngắt"),
    };

    public static Bilingual Purpose(CommandPurpose purpose) => purpose switch
    {
        CommandPurpose.Generate => new("Ask one question", "Hỏi một câu"),
        CommandPurpose.Chat => new("Talk with it", "Trò chuyện"),
        CommandPurpose.Evaluate => new("Score it against the base", "Đánh giá so với mô hình nền"),
        CommandPurpose.Merge => new("Merge it into a full model", "Gộp thành mô hình đầy đủ"),
        CommandPurpose.Plan => new("See what it will take", "Xem cần bao nhiêu bộ nhớ và thời gian"),
        CommandPurpose.Train => new("Train", "Huấn luyện"),
        CommandPurpose.Resume => new("Go on training", "Huấn luyện tiếp"),
        _ => new("Open the report", "Mở báo cáo"),
    };
}
