using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;

namespace Lorikeet.Models.Conversion;

/// <summary>
/// A prompt format in the words of Ollama: a Go template of one exchange, which Ollama repeats for each.
/// </summary>
/// <param name="Template">The template.</param>
/// <param name="System">The system message where none is given, if the format has one.</param>
/// <param name="IsExact">
/// Whether it renders what the format renders; otherwise it is the plain form of its family.
/// </param>
internal sealed record OllamaTemplate(string Template, string? System, bool IsExact)
{
    // Texts that stand in no template, nor does any part of them.
    private const string Sys = "«s»";
    private const string Ask1 = "«q»";
    private const string Reply = "«a»";
    private const string Ask2 = "«r»";

    /// <summary>What marks a family, and its plain form.</summary>
    private static readonly (string Mark, string Template)[] s_families =
    [
        ("<|start_header_id|>",
            "{{ if .System }}<|start_header_id|>system<|end_header_id|>\n\n{{ .System }}<|eot_id|>{{ end }}" +
            "<|start_header_id|>user<|end_header_id|>\n\n{{ .Prompt }}<|eot_id|>" +
            "<|start_header_id|>assistant<|end_header_id|>\n\n{{ .Response }}<|eot_id|>"),
        ("<|im_start|>",
            "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}" +
            "<|im_start|>user\n{{ .Prompt }}<|im_end|>\n<|im_start|>assistant\n{{ .Response }}<|im_end|>\n"),
        ("<<SYS>>",
            "[INST] {{ if .System }}<<SYS>>\n{{ .System }}\n<</SYS>>\n\n{{ end }}{{ .Prompt }} [/INST]" +
            "{{ if .Response }} {{ .Response }} </s><s>{{ end }}"),
        ("[INST]",
            "[INST] {{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }} [/INST]" +
            "{{ if .Response }} {{ .Response }}</s>{{ end }}"),
        ("<|user|>",
            "{{ if .System }}<|system|>\n{{ .System }}</s>\n{{ end }}" +
            "<|user|>\n{{ .Prompt }}</s>\n<|assistant|>\n{{ .Response }}</s>\n"),
    ];

    /// <summary>The template of a format; null when neither it nor its family can be said.</summary>
    /// <param name="format">How the model is asked.</param>
    /// <param name="begin">
    /// Text of the token that begins a sequence, which Ollama puts there itself; null for none.
    /// </param>
    public static OllamaTemplate? Of(PromptFormat format, string? begin)
    {
        if (Derive(format, begin) is { } exact)
            return exact;
        var family = Array.Find(s_families, family => format.Template.Contains(family.Mark, StringComparison.Ordinal));
        return family.Template is null ? null : new OllamaTemplate(family.Template, null, IsExact: false);
    }

    /// <summary>
    /// Finds what the format writes around a system message, a question and an answer by rendering some, and makes sure
    /// that the pieces are the same wherever they stand.
    /// </summary>
    private static OllamaTemplate? Derive(PromptFormat format, string? begin)
    {
        try
        {
            var alone = Cut(Render(format, begin, User(Ask1)), Ask1);
            var guided = Cut(Render(format, begin, Message("system", Sys), User(Ask1)), Sys, Ask1);
            var twice = Render(format, begin, User(Ask1), Message("assistant", Reply), User(Ask2));
            var two = Cut(twice, Ask1, Reply, Ask2);
            return alone is [var start, var generation] && guided is [var before, var after, var guidedEnd]
                && two is [_, var answering, var between, var last]
                && guidedEnd == generation && last == generation
                && answering.StartsWith(generation, StringComparison.Ordinal)
                ? Compose(new Pieces(start, generation, before, after, answering[generation.Length..], between))
                : null;
        }
        catch (CheckpointException)
        {
            return null; // a template that refuses such a conversation
        }
    }

    private static OllamaTemplate? Compose(Pieces pieces)
    {
        // A later turn begins as the first does, or as one after a system message when the first begins with a text of
        // its own.
        var (start, system) = (pieces.Start, (string?)null);
        var ownText = pieces.Start.Length - pieces.Before.Length - pieces.After.Length;
        if (!pieces.Between.EndsWith(start, StringComparison.Ordinal))
        {
            if (ownText <= 0 || !pieces.Start.StartsWith(pieces.Before, StringComparison.Ordinal)
                || !pieces.Start.EndsWith(pieces.After, StringComparison.Ordinal)
                || !pieces.Between.EndsWith(pieces.After, StringComparison.Ordinal))
                return null;
            (start, system) = (pieces.After, pieces.Start.Substring(pieces.Before.Length, ownText));
        }

        var ending = pieces.Between[..^start.Length];
        var answer = pieces.BeforeReply + "{{ .Response }}" + ending;
        if (pieces.BeforeReply.Length > 0)
            answer = "{{ if .Response }}" + answer + "{{ end }}";
        var turn = pieces.Before + "{{ .System }}" + pieces.After;
        var opening = turn == "{{ .System }}" + start
            ? "{{ if .System }}{{ .System }}{{ end }}" + start
            : "{{ if .System }}" + turn + "{{ else }}" + start + "{{ end }}";
        var text = string.Concat(pieces.Start, pieces.Generation, pieces.Before, pieces.After, pieces.Between);
        return text.Contains("{{", StringComparison.Ordinal) || text.Contains("\"\"\"", StringComparison.Ordinal)
            ? null
            : new OllamaTemplate(opening + "{{ .Prompt }}" + pieces.Generation + answer, system, IsExact: true);
    }

    private static string Render(PromptFormat format, string? begin, params JsonNode[] messages)
    {
        var text = format.RenderPrompt(new JsonArray(messages));
        return begin is not null && text.StartsWith(begin, StringComparison.Ordinal) ? text[begin.Length..] : text;
    }

    /// <summary>The text around the given parts; empty when they are not there once each, in order.</summary>
    private static string[] Cut(string text, params string[] parts)
    {
        var pieces = new List<string>();
        foreach (var part in parts)
        {
            var at = text.IndexOf(part, StringComparison.Ordinal);
            if (at < 0)
                return [];
            pieces.Add(text[..at]);
            text = text[(at + part.Length)..];
        }

        return [.. pieces, text];
    }

    private static JsonNode User(string content) => Message("user", content);

    private static JsonNode Message(string role, string content) =>
        new JsonObject { ["role"] = role, ["content"] = content };

    /// <summary>
    /// What a format writes: <c>Start Q Generation BeforeReply A Between Q</c>; <c>Before S After Q</c>.
    /// </summary>
    private sealed record Pieces(
        string Start, string Generation, string Before, string After, string BeforeReply, string Between);
}
