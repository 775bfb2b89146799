using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Text;
using Lorikeet.Text.ChatTemplates;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Cli.Verbs;

/// <summary>Conversations as a chat template renders them, by the code that training uses.</summary>
internal sealed class RenderVerb : CatalogVerb
{
    public RenderVerb() : base(
        "render", "Render conversations with a chat template, and find what the assistant says.",
        OptionCatalog.Of<RenderOptions>())
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("with a model's own template", "render --model DIR --input rows.jsonl --output texts.jsonl"),
        ("with a template of yours", "render --template chat.jinja --input rows.jsonl"),
    ];

    public override int Run(Invocation call)
    {
        var options = Bind(call, new RenderOptions());
        if (options.Model is null && options.Template is null)
        {
            throw new ConfigurationException(
                "No template is named. Give --model DIR whose tokenizer has one, or --template FILE.");
        }

        if (options.Input is null)
            throw new ConfigurationException("Nothing is rendered. Give --input FILE with rows of messages.");

        var folder = options.Model is { } model ? ModelSource.Resolve(model, options.Revision) : null;
        var tokenizer = folder is null ? null : Tokenizer.Load(folder);
        var source = Source(options, folder, tokenizer);
        var template = ChatTemplate.Parse(source).WithClock(Clock(options.Date));
        RowFile.Write(
            options.Output, call.Terminal.Out, RowFile.Read(options.Input)
                .Select(row => Render(row, template, tokenizer)));
        return 0;
    }

    /// <summary>
    /// The template named; else the one that an adapter or merged model was trained with; else the tokenizer's.
    /// </summary>
    private static string Source(RenderOptions options, string? folder, Tokenizer? tokenizer) =>
        options.Template is null && folder is not null && PromptFormat.TryLoad(folder, tokenizer) is { } trained
            ? trained.Template
            : PromptFormats.FindTemplate(options.Template ?? "tokenizer", tokenizer);

    private static JsonObject Render(DataRow row, ChatTemplate template, Tokenizer? tokenizer)
    {
        var messages = Value<JsonArray>(row, "messages") ?? throw new DatasetException(
            $"{row.Origin}: the row has no 'messages'. A list of objects with 'role' and 'content' was expected.");
        var asksForAnswer = Value<JsonValue>(row, "add_generation_prompt")?.ToString() == "true";
        var variables = PromptFormat.VariablesOf(tokenizer);
        foreach (var (name, value) in Value<JsonObject>(row, "variables") ?? [])
            variables[name] = value?.DeepClone();
        try
        {
            return Describe(template.Render(messages, asksForAnswer, Value<JsonArray>(row, "tools"), variables));
        }
        catch (ChatTemplateException refusal)
        {
            return new JsonObject { ["error"] = refusal.Error };
        }
    }

    private static JsonObject Describe(RenderedChat chat)
    {
        var places = new CodePoints(chat.Text);
        try
        {
            var spans = JsonText.Ranges(chat.AssistantSpans.Select(places.Of));
            return new JsonObject { ["text"] = chat.Text, ["assistant_spans"] = spans };
        }
        catch (DatasetException fault)
        {
            // The text is right; it only cannot be trained on answer by answer.
            return new JsonObject
            {
                ["text"] = chat.Text,
                ["assistant_spans"] = null,
                ["assistant_spans_error"] = fault.Message,
            };
        }
    }

    private static T? Value<T>(DataRow row, string column) where T : JsonNode => row.Values[column] switch
    {
        null => null,
        T value => value,
        var other => throw new DatasetException(
            $"{row.Origin}: '{column}' holds {JsonText.Line(other)}. {Expected<T>()} was expected. Fix the row."),
    };

    private static string Expected<T>() =>
        typeof(T) == typeof(JsonArray) ? "A list" : typeof(T) == typeof(JsonObject) ? "An object" : "true or false";

    private static TimeProvider Clock(string? date)
    {
        if (date is null)
            return TimeProvider.System;
        return DateOnly.TryParseExact(
            date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            ? new StandingClock(day)
            : throw new ConfigurationException($"--date is '{date}'. A day such as 2026-11-23 was expected.");
    }

    /// <summary>Noon of one day, wherever the machine stands.</summary>
    private sealed class StandingClock(DateOnly day) : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(day, new TimeOnly(12, 0), TimeSpan.Zero);
    }
}
