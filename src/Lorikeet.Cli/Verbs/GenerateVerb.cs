using System.CommandLine;
using System.Diagnostics;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Data.Reading;
using Lorikeet.Formats;
using Lorikeet.Models.Generation;

namespace Lorikeet.Cli.Verbs;

/// <summary>Continues prompts.</summary>
internal sealed class GenerateVerb : InferenceVerb<GenerateOptions>
{
    public GenerateVerb() : base(
        "generate", "Answer prompts: one as a stream, or many from a file.",
        "Print a JSON object a line: prompt, text, finish_reason, input_ids, output_ids (without the prompt).")
    { }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("a story, as the model would go on", "generate --model stories260K --prompt \"Once upon a time\""),
        ("a question to a fine-tuned model, in the format it was trained with",
            "generate --adapter runs/guanaco/adapter --prompt \"What is LoRA?\""),
        ("a thousand prompts, with their token ids", "generate --model DIR --input rows.jsonl --json > answers.jsonl"),
        ("two adapters, the second at half its strength",
            "generate --adapter facts=runs/a/adapter style=runs/b/adapter --combine facts=1,style=0.5 --prompt " +
            "\"Who?\""),
        ("an answer that is JSON of a schema",
            "generate --model DIR --prompt \"A bird, as JSON:\" --json_schema bird.schema.json"),
        ("drawn, not chosen: the same seed gives the same text",
            "generate --model DIR --prompt \"Hello\" --temperature 0.7 --top_p 0.9 --seed 1"),
    ];

    public override int Run(Invocation call)
    {
        var (_, terminal, interruption) = call;
        var options = Bind(call, new GenerateOptions());
        var typed = options.Prompts is { Prompts.Count: 0, Input: null } ? FromStandardInput(terminal) : null;
        var decodesFewRows = options.Prompts is { Input: null, Prompts.Count: <= TextGenerator.FewRows }
            && options.Generation is { Optimized: true, Beams: 1 };
        using var model = Load(call, options, decodesFewRows);
        options = Bind(call, new GenerateOptions { Generation = DefaultsOf(model, call) });
        var requests = new AdapterRequests(model, options.Prompts.ChatTemplate, options.Prompts.System);
        if (PromptFormatChoice.Warning(model, options.Prompts.ChatTemplate) is { } otherwise)
            terminal.Error.WriteLine(otherwise);
        var prompts = typed is null ? Read(options.Prompts, requests) : [requests.Read(typed)];
        var generation = options.Generation;
        if (PositionsCheck.Warning([.. prompts.Select(prompt => prompt.Ids.Length)], model.Decoder.Config.MaxPositions,
            "prompts") is { } beyond)
            terminal.Error.WriteLine(beyond);

        var generator = new TextGenerator(model.Decoder, model.Tokenizer) { BatchSize = options.Prompts.BatchSize };
        var json = IsJson(call);
        if (prompts is [var only] && !json && options.Prompts.Output is null && generation.Beams == 1
            && model.Tokenizer is not null)
        {
            interruption.LastWords = () => ""; // the shell's prompt begins on a line of its own
            Stream(terminal, generator, only, requests.Turn(only.Adapter, generation), interruption.Token);
        }
        else
        {
            Write(terminal, requests.Generate(generator, prompts, generation, interruption.Token), prompts, json,
                options.Prompts.Output);
        }

        return 0;
    }

    /// <summary>All of standard input as one prompt, where it is a file or a pipe.</summary>
    private static string FromStandardInput(Terminal terminal)
    {
        var text = terminal.IsInputGiven ? terminal.Input.ReadToEnd().TrimEnd('\r', '\n') : "";
        return text.Length > 0 ? text : throw new ConfigurationException(
            "Nothing is asked. Give --prompt TEXT, --input FILE with rows, or a prompt on standard input.");
    }

    private static List<Prompt> Read(PromptOptions options, AdapterRequests requests)
    {
        List<Prompt> prompts = [.. options.Prompts.Select(requests.Read)];
        if (options.Input is { } file)
            prompts.AddRange(DatasetReader.Read(file, ["test", "validation", "train"]).Select(requests.Read));
        return prompts.Count > 0
            ? prompts
            : throw new DatasetException($"'{options.Input}' holds no rows. At least one was expected.");
    }

    private static void Stream(
        Terminal terminal, TextGenerator generator, Prompt prompt, GenerationOptions options,
        CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        foreach (var piece in generator.Stream(prompt.Ids, options, cancellation))
        {
            terminal.Out.Write(piece.Text);
            terminal.Out.Flush();
            if (piece.Result is not { } answer)
                continue;
            terminal.Out.WriteLine();
            Report(terminal, answer.OutputIds.Count, clock.Elapsed.TotalSeconds, AnswerLine.Name(answer.Finish));
        }
    }

    private static void Write(Terminal terminal, GenerationResult result, List<Prompt> prompts, bool json, string? file)
    {
        var lines = prompts.Zip(result.Continuations, AnswerLine.Of);
        if (file is not null)
            AtomicFile.WriteText(file, string.Concat(lines.Select(line => line + "\n")));
        else if (json)
            foreach (var line in lines)
                terminal.Out.WriteLine(line);
        else
            foreach (var answer in result.Continuations)
                terminal.Out.WriteLine(Show(answer, prompts.Count));
        Report(terminal, result.Tokens, result.Seconds,
            $"{prompts.Count} {(prompts.Count == 1 ? "prompt" : "prompts")}");
    }

    /// <summary>An answer for people; several are set apart by an empty line.</summary>
    private static string Show(Continuation answer, int prompts) =>
        (answer.Text?.Trim() ?? string.Join(' ', answer.OutputIds)) + (prompts > 1 ? "\n" : "");

    private static void Report(Terminal terminal, long tokens, double seconds, string detail) =>
        terminal.Error.WriteLine($"{tokens} tokens, {tokens / Math.Max(seconds, 1e-9):F1} tokens/s ({detail})");
}
