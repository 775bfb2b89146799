using System.Globalization;
using System.Text;
using Lorikeet.Configuration;

namespace Lorikeet.Cli.Runs;

/// <summary>A new run.yaml: what was chosen, and the options that are looked for next, with what they mean.</summary>
internal static class NewRun
{
    private const int Width = 100;

    // What a run of one's own is changed by most, beside what init asks.
    private static readonly string[] s_offered =
    [
        "load_in_4bit", "lora_r", "lora_alpha", "lora_target_modules", "learning_rate", "num_train_epochs", "max_steps",
        "per_device_train_batch_size", "gradient_accumulation_steps", "max_length", "test_size", "chat_template",
        "save_steps", "logging_steps", "seed",
    ];

    /// <summary>The file's text.</summary>
    /// <param name="resolved">The options as they were chosen.</param>
    /// <param name="program">How the program is called.</param>
    public static string Text(ResolvedOptions resolved, string program)
    {
        var catalog = OptionCatalog.Training;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# A training run: {program} train run.yaml\n")
            .Append("# Options with # before them are off, and show their default. ")
            .Append(CultureInfo.InvariantCulture, $"'{program} options NAME' explains any option;\n")
            .Append(CultureInfo.InvariantCulture, $"# '{program} train --help --all' lists all of them.\n");
        var chosen = catalog.Options.Where(option => IsChosen(resolved, option)).ToList();
        foreach (var option in chosen)
            Append(text, option, option.TextIn(resolved.Options), isOff: false);
        foreach (var option in s_offered.Select(name => catalog.Find(name)!).Except(chosen))
            Append(text, option, option.DefaultText, isOff: true);
        return text.ToString();
    }

    private static bool IsChosen(ResolvedOptions resolved, OptionDefinition option) =>
        resolved.OriginOf(option.Name).Source is not (OptionSource.Default or OptionSource.Environment)
        || option.TextIn(resolved.Options) != option.DefaultText;

    private static void Append(StringBuilder text, OptionDefinition option, string value, bool isOff)
    {
        text.Append('\n');
        var choices = option.Choices.Count > 0 ? $" One of {string.Join(", ", option.Choices)}." : "";
        foreach (var line in Wrap($"{option.Help}{choices} {option.Reason}"))
            text.Append(CultureInfo.InvariantCulture, $"# {line}\n");
        text.Append(CultureInfo.InvariantCulture, $"{(isOff ? "# " : "")}{option.Name}: {value}\n");
    }

    private static IEnumerable<string> Wrap(string text)
    {
        var line = "";
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + word.Length >= Width)
            {
                yield return line;
                line = "";
            }

            line += line.Length > 0 ? $" {word}" : word;
        }

        yield return line;
    }
}
