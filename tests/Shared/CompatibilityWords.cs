namespace Lorikeet.Testing;

/// <summary>
/// The words of docs/compatibility.vi.md: what tests say of a row in English, in Vietnamese. What is not here, such as
/// names and figures, stays as it is.
/// </summary>
internal static class CompatibilityWords
{
    /// <summary>The tables' first line.</summary>
    public const string Columns = "| Đã so sánh | Với | Số trường hợp | Chênh lệch lớn nhất |";

    private static readonly Dictionary<string, string> s_headings = new()
    {
        ["Models"] = "Mô hình",
        ["Quantization"] = "Lượng tử hóa",
        ["Optimizers"] = "Bộ tối ưu",
        ["Schedules"] = "Lịch tốc độ học",
        ["Generation"] = "Sinh văn bản",
        ["Tokenizers"] = "Tokenizer",
        ["Chat templates"] = "Chat template",
        ["Options"] = "Tùy chọn",
        ["Combined adapters"] = "Adapter được kết hợp",
        ["Written adapters"] = "Adapter được ghi ra",
        ["Written models"] = "Mô hình được ghi ra",
        ["Adapters"] = "Adapter",
        ["Training"] = "Huấn luyện",
    };

    // Longer ones before those that they begin with.
    private static readonly (string English, string Vietnamese)[] s_words =
    [
        ("logits before and after training", "logit trước và sau khi huấn luyện"),
        ("logits, loss, hidden states", "logit, loss, trạng thái ẩn"),
        ("logits, loss, continuations", "logit, loss, phần viết tiếp"),
        ("logits, and a story token for token", "logit, và một câu chuyện, từng token một"),
        ("logits (the reference is 0.37 from its own float32)",
            "logit (chính bản tham chiếu lệch 0.37 so với float32 của nó)"),
        ("logits after", "logit sau"), ("logits", "logit"),
        ("the rate of every step", "tốc độ học của từng bước"), ("parameters after 20 steps", "tham số sau 20 bước"),
        ("codes, scales, weights read back", "mã, hệ số, trọng số đọc lại"),
        ("scales quantized too", "hệ số cũng được lượng tử hóa"),
        ("bit for bit", "giống từng bit"), ("made at loading", "tạo khi nạp"),
        ("a stored int8 checkpoint", "checkpoint int8 đã lưu"), ("a stored NF4 checkpoint", "checkpoint NF4 đã lưu"),
        ("ids, offsets, decoded text", "id, vị trí, văn bản giải mã"), ("ids, decoded text", "id, văn bản giải mã"),
        ("a small tokenizer built as GPT-2's", "tokenizer nhỏ dựng như của GPT-2"),
        ("a small tokenizer built as Gemma's", "tokenizer nhỏ dựng như của Gemma"),
        ("a small tokenizer built as SmolLM's", "tokenizer nhỏ dựng như của SmolLM"),
        ("tokenizer.model alone", "chỉ tokenizer.model"),
        ("tokens as the export predicts them", "token đúng như bản xuất dự đoán"),
        ("tokens of composed text as the tokenizer's", "token của văn bản đã ghép sẵn, như của tokenizer"),
        ("tokens as the tokenizer's", "token như của tokenizer"),
        ("tokens of prompts in", "token của prompt theo khuôn dạng"),
        ("by the template in the file", "bằng template trong tệp"),
        ("greedy answers of up to 24 tokens", "câu trả lời giải mã tham lam, đến 24 token"),
        ("greedy answers of up to 40 tokens", "câu trả lời giải mã tham lam, đến 40 token"),
        ("to GGUF (f32) and back", "sang GGUF (f32) rồi trở lại"), ("to GGUF and back", "sang GGUF rồi trở lại"),
        ("blocks to elements", "từ khối ra phần tử"), ("elements to blocks", "từ phần tử ra khối"),
        ("as f32 with the adapter", "dạng f32 với adapter"), ("` alone", "` riêng"), ("as f32", "dạng f32"),
        ("merged with", "gộp với"), ("` merged, in", "` đã gộp, kiểu"), ("family `", "họ `"),
        ("` with mscale", "` có mscale"), ("` with attention_factor", "` có attention_factor"),
        ("` of 11 models", "` của 11 mô hình"), (" in bfloat16", " kiểu bfloat16"), (" in float32", " kiểu float32"),
        (" in float16", " kiểu float16"), ("(trained)", "(đã huấn luyện)"),
        ("text, or the error", "văn bản, hoặc lỗi"), ("21 templates", "21 template"),
        ("where they differ", "chỗ chúng khác nhau"), ("and its example's arguments", "và các tham số của ví dụ"),
        ("its argument names", "tên các tham số của nó"), (" translated or explained", " được dịch hoặc giải thích"),
        ("going on from the Trainer's checkpoint of step", "chạy tiếp từ checkpoint của Trainer ở bước"),
        ("the Trainer going on from our checkpoint of step", "Trainer chạy tiếp từ checkpoint của Lorikeet ở bước"),
        ("the Trainer's own run, two epochs in the order of its sampler",
            "lần chạy của chính Trainer, hai epoch theo thứ tự bộ lấy mẫu của nó"),
        ("the Trainer's run", "lần chạy của Trainer với"), ("losses on both paths", "loss trên cả hai đường tính"),
        ("TRL 1.9's losses on", "loss của TRL 1.9 trên"), (": losses", ": loss"), ("preferences, ", "cặp ưu tiên, "),
        ("the same model", "chính mô hình ấy"), (" on an H200", " trên H200"),
        (" values of 4 weights", " giá trị của 4 trọng số"), (" values", " giá trị"), (" steps", " bước"),
        (" conversations", " cuộc hội thoại"), (" strings", " chuỗi"), (" prompts", " prompt"),
        (" answers", " câu trả lời"), (" elements", " phần tử"), (" blocks", " khối"), (" tokens", " token"),
        (" names", " tên"), (" options", " tùy chọn"), ("none", "không"), (" of ", " của "), (" to ", " đến "),
        (" and ", " và "),
    ];

    /// <summary>A heading or cell in Vietnamese.</summary>
    public static string Say(string text)
    {
        if (s_headings.TryGetValue(text, out var heading))
            return heading;
        foreach (var (english, vietnamese) in s_words)
            text = text.Replace(english, vietnamese, StringComparison.Ordinal);
        return text;
    }
}
