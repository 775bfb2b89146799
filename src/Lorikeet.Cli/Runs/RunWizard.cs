using System.Globalization;
using Lorikeet.Configuration;
using Lorikeet.Hub;
using Spectre.Console;

namespace Lorikeet.Cli.Runs;

/// <summary>Asks for what a run cannot do without, one question at a time; what was given is not asked.</summary>
/// <param name="console">Where it asks.</param>
internal sealed class RunWizard(IAnsiConsole console)
{
    private const string Other = "another: a folder, a GGUF file or an id on the hub";

    private static readonly (string Id, string Note)[] s_models =
    [
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "1.1B, English; a laptop will do"),
        ("Qwen/Qwen2.5-0.5B-Instruct", "0.5B, many languages; a laptop will do"),
        ("Qwen/Qwen3-4B", "4B, many languages; a GPU"),
        ("NousResearch/Llama-2-7b-chat-hf", "7B, English; a GPU"),
        (Other, ""),
    ];

    /// <summary>The answers as settings, to be taken as if they had been typed.</summary>
    /// <param name="given">What was typed.</param>
    public IReadOnlyList<Setting> Ask(IReadOnlyList<Setting> given)
    {
        var catalog = OptionCatalog.Training;
        var known = given.Select(setting => catalog.Find(setting.Name)?.Name).ToHashSet();
        var answers = new List<Setting>();
        Take("model", Model);
        Take("dataset", Dataset);
        Take("test_size", HeldOut);
        Take("load_in_4bit", () => console.Confirm(
            "Keep the model in 4 bits (QLoRA: a quarter of the memory, nearly the same result)?") ? "true" : null);
        Take("num_train_epochs", () => Number("How many times over the data?", catalog.Find("num_train_epochs")!));
        return [.. given, .. answers];

        void Take(string name, Func<string?> ask)
        {
            if (!known.Contains(name) && ask() is { } answer)
                answers.Add(new Setting(name, new RawValue.Scalar(answer), OptionOrigin.CommandLine));
        }
    }

    private string Model()
    {
        var (id, _) = console.Prompt(new SelectionPrompt<(string Id, string Note)>()
            .Title("Which model is to learn?")
            .UseConverter(model => model.Id.EscapeMarkup() + (model.Note.Length > 0 ? $"  [dim]{model.Note}[/]" : ""))
            .AddChoices(s_models));
        return id != Other ? id : Place("Its folder, GGUF file or id on the hub:");
    }

    private string Dataset() => Place("What is it to learn from (a file, a folder or an id on the hub)?");

    private string Place(string question) => console.Prompt(new TextPrompt<string>(question).Validate(place =>
        Path.Exists(place) || (HubClient.IsId(place) && place.Contains('/'))
            ? ValidationResult.Success()
            : ValidationResult.Error($"There is no '{place.EscapeMarkup()}', and it is no id such as owner/name.")));

    private string? HeldOut()
    {
        var share = console.Prompt(new TextPrompt<double>("Which share of the rows to hold out, to measure on?")
            .DefaultValue(0.1).WithConverter(Text).Validate(share => share is >= 0 and < 1
                ? ValidationResult.Success()
                : ValidationResult.Error("A share from 0 (none) to below 1 was expected, such as 0.1.")));
        return share > 0 ? Text(share) : null;
    }

    private string? Number(string question, OptionDefinition option)
    {
        var usual = Convert.ToDouble(option.Default, CultureInfo.InvariantCulture);
        var number = console.Prompt(new TextPrompt<double>(question).DefaultValue(usual).WithConverter(Text)
            .Validate(value => value > 0
                ? ValidationResult.Success()
                : ValidationResult.Error("A number above 0 was expected.")));
        return number == usual ? null : Text(number);
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
