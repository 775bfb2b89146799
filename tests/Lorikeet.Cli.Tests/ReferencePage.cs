using System.CommandLine;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;

namespace Lorikeet.Cli.Tests;

/// <summary>docs/reference.md, made of what the program itself knows: commands, options, exit codes.</summary>
/// <param name="isVietnamese">Whether headings are Vietnamese; what an option does stands in English in both.</param>
internal sealed class ReferencePage(bool isVietnamese)
{
    private static readonly Dictionary<string, (string English, string Vietnamese)> s_groups = new()
    {
        ["Model"] = ("Model", "Mô hình"),
        ["Quantization"] = ("Quantization", "Lượng tử hóa"),
        ["Lora"] = ("LoRA", "LoRA"),
        ["Data"] = ("Data", "Dữ liệu"),
        ["Optimization"] = ("Optimization", "Tối ưu"),
        ["Evaluation"] = ("Evaluation", "Đánh giá"),
        ["Output"] = ("Output", "Kết quả"),
        ["Distributed"] = ("Several processes", "Nhiều tiến trình"),
    };

    private static readonly (int Code, string English, string Vietnamese)[] s_codes =
    [
        (0, "Done.", "Xong."),
        (1, "The command failed: what it was to prove does not hold, or something unforeseen happened.",
            "Lệnh thất bại: điều cần chứng minh không đúng, hoặc gặp lỗi ngoài dự kiến."),
        (2, "Usage, options or input are wrong: the message says which, what was expected, and what to do.",
            "Sai cách dùng, tùy chọn hoặc đầu vào: thông báo nói rõ chỗ nào, cần gì và phải làm gì."),
        (3, "The environment is wrong: a device, a disk, the network. 'lorikeet doctor' looks at each.",
            "Môi trường có vấn đề: thiết bị, ổ đĩa, mạng. 'lorikeet doctor' kiểm tra từng thứ."),
        (130, "Ended by Ctrl+C; what was saved before is whole.",
            "Bị dừng bằng Ctrl+C; những gì đã lưu vẫn nguyên vẹn."),
        (143, "Ended by SIGTERM, in the same way.", "Bị dừng bằng SIGTERM, theo cùng cách."),
    ];

    private readonly StringBuilder _text = new();

    /// <summary>The whole page.</summary>
    public string Text()
    {
        Line($"# {Say("Reference", "Tra cứu")}");
        Line();
        Line(Say(
            "Written by a test from what the program knows of itself; `lorikeet COMMAND --help` and "
                + "`lorikeet options NAME` say the same. Options are written with `_` or `-`, on the command line or "
                + "in a run.yaml.",
            "Trang này do một bài kiểm thử viết ra từ chính những gì chương trình biết về mình; "
                + "`lorikeet COMMAND --help` và `lorikeet options NAME` nói cùng nội dung. Phần mô tả, ở đây "
                + "cũng như ở đó, bằng tiếng Anh. Tùy chọn viết với `_` hoặc `-`, trên dòng lệnh hay trong run.yaml."));
        Line();
        Line($"## {Say("Commands", "Lệnh")}");
        foreach (var verb in CommandLine.CreateRoot().Subcommands.OfType<Verb>().OrderBy(verb => verb.Name))
            Write(verb);
        Line();
        Line($"## {Say("Options of training", "Tùy chọn huấn luyện")}");
        foreach (var group in OptionCatalog.Training.Groups)
        {
            Line();
            Line($"### {Title(group)}");
            Line();
            Line(group.Summary);
            Write(OptionCatalog.Training.Options.Where(option => option.Group == group.Name));
        }

        WriteErrors();
        return _text.ToString();
    }

    private void Write(Verb verb)
    {
        Line();
        Line($"### {verb.Name}");
        Line();
        Line(verb.Description!);
        Line();
        Line($"    {HelpText.UsageOf(verb)}");
        Line();
        foreach (var (what, command) in verb.Examples)
        {
            Line($"    # {what}");
            Line($"    lorikeet {command}");
        }

        var catalog = (verb as CatalogVerb)?.Catalog;
        var own = verb.Options.Where(option => !option.Hidden && catalog?.Symbols.Contains(option) != true).ToList();
        if (verb.Arguments.Count + own.Count > 0)
        {
            Line();
            Line($"| {Say("Argument or option", "Tham số hoặc tùy chọn")} | {Say("What it does", "Ý nghĩa")} |");
            Line("| --- | --- |");
            foreach (var argument in verb.Arguments)
                Line($"| `{argument.Name}` | {Cell(argument.Description ?? "")} |");
            foreach (var option in own)
                Line($"| `{option.Name}` | {Cell(option.Description ?? "")} |");
        }

        if (catalog is null)
            return;
        if (catalog.Catalog == OptionCatalog.Training)
        {
            Line();
            Line(Say("It takes the options of training too.", "Nhận cả các tùy chọn huấn luyện."));
            return;
        }

        Write(catalog.Catalog.Options);
    }

    private void Write(IEnumerable<OptionDefinition> options)
    {
        Line();
        Line($"| {Say("Option", "Tùy chọn")} | {Say("Default", "Mặc định")} | {Say("What it does", "Ý nghĩa")} |");
        Line("| --- | --- | --- |");
        foreach (var option in options)
        {
            var choices = option.Choices.Count > 0 ? $" One of {string.Join(", ", option.Choices)}." : "";
            var range = option.Range.Length > 0 ? $" {char.ToUpperInvariant(option.Range[0])}{option.Range[1..]}." : "";
            Line($"| `{option.Name}` | `{option.DefaultText.Replace("|", "\\|")}` | "
                + $"{Cell($"{option.Help}{choices}{range} {option.Reason}")} |");
        }
    }

    private void WriteErrors()
    {
        Line();
        Line($"## {Say("Exit codes and errors", "Mã thoát và lỗi")}");
        Line();
        Line($"| {Say("Code", "Mã")} | {Say("Meaning", "Ý nghĩa")} | {Say("In C#", "Trong C#")} |");
        Line("| --- | --- | --- |");
        var errors = Errors().ToLookup(error => ExitCodes.Of(error), error => error.GetType().Name);
        foreach (var (code, english, vietnamese) in s_codes)
        {
            Line($"| {code} | {Say(english, vietnamese)} | "
                + $"{string.Join(", ", errors[code].Order(StringComparer.Ordinal).Select(name => $"`{name}`"))} |");
        }

        Line();
        Line(Say(
            "Every error of Lorikeet is a `LorikeetException`; its message says what is wrong, where, what was "
                + "expected and what to do. `--verbose` adds the stack trace. A `StorageException` of a full or "
                + "failing disk exits with 3, and so does a `HubException` unless the hub has no such thing, which "
                + "is 2.",
            "Mọi lỗi của Lorikeet đều là `LorikeetException`; thông báo nói sai ở đâu, cần gì và phải làm gì. "
                + "`--verbose` in thêm stack trace. `StorageException` do ổ đĩa đầy hoặc hỏng thoát với mã 3; "
                + "`HubException` cũng vậy, trừ khi trên hub không có thứ được hỏi: khi đó mã là 2."));
    }

    /// <summary>One of each kind of error, made without its constructor: its kind alone decides here.</summary>
    private static IEnumerable<LorikeetException> Errors() => typeof(CommandLine).Assembly.GetReferencedAssemblies()
        .Append(typeof(LorikeetException).Assembly.GetName())
        .Where(name => name.Name!.StartsWith("Lorikeet", StringComparison.Ordinal)).Select(Assembly.Load)
        .SelectMany(assembly => assembly.GetExportedTypes()).Distinct()
        .Where(type => type.IsSubclassOf(typeof(LorikeetException)) && !type.IsAbstract)
        .Select(type => (LorikeetException)RuntimeHelpers.GetUninitializedObject(type));

    private string Title(OptionGroup group) => s_groups.TryGetValue(group.Title, out var known)
        ? Say(known.English, known.Vietnamese)
        : group.Title;

    private string Say(string english, string vietnamese) => isVietnamese ? vietnamese : english;

    private static string Cell(string text) => text.Trim().ReplaceLineEndings(" ").Replace("|", "\\|");

    private void Line(string text = "") => _text.Append(text).Append('\n');
}
