using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Data.Encoded;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Prompts;

/// <summary>
/// Finds the format that asks as written text does. Several are tried, and the one is taken that writes most of the
/// texts again, word for word, up to their first answer.
/// </summary>
internal static partial class WrittenFormats
{
    /// <summary>The format, and which of the texts it asks in other words.</summary>
    /// <param name="markup">How the texts mark who speaks.</param>
    /// <param name="texts">Some texts, of which most have the markup.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    public static (PromptFormat Format, IReadOnlyList<int> Differing) Choose(
        TurnMarkup markup, IReadOnlyList<string> texts, Tokenizer? tokenizer)
    {
        var samples = Samples(markup, texts);
        var best = (Format: BuiltIn(markup, texts, tokenizer), Differing: (IReadOnlyList<int>)[]);
        var isFirst = true;
        foreach (var format in Candidates(markup, texts, samples, tokenizer))
        {
            var differing = Differing(format, samples, tokenizer);
            if (isFirst || differing.Count < best.Differing.Count)
                best = (format, differing);
            if (differing.Count == 0)
                break;
            isFirst = false;
        }
        return best;
    }

    /// <summary>Which of some texts a format asks in other words.</summary>
    public static IReadOnlyList<int> Differing(
        TurnMarkup markup, IReadOnlyList<string> texts, PromptFormat format, Tokenizer? tokenizer) =>
        Differing(format, Samples(markup, texts), tokenizer);

    private static List<int> Differing(PromptFormat format, IReadOnlyList<Sample> samples, Tokenizer? tokenizer) =>
        [.. samples.Where(sample => !sample.IsAskedBy(format, tokenizer)).Select(sample => sample.Index)];

    private static IEnumerable<PromptFormat> Candidates(
        TurnMarkup markup, IReadOnlyList<string> texts, IReadOnlyList<Sample> samples, Tokenizer? tokenizer)
    {
        var builtIn = BuiltIn(markup, texts, tokenizer);
        yield return builtIn;
        if (samples.Count == 0)
            yield break;
        var systems = samples.Select(sample => SystemBlock(markup, sample.Head)).OfType<string>()
            .GroupBy(system => system);
        if (systems.MaxBy(group => group.Count())?.Key is { } system)
            yield return new PromptFormat(
                markup.Format, WithSystem(builtIn.Template, system), builtIn.StopStrings, tokenizer);
        var pieces = samples.GroupBy(sample => (sample.Head, sample.Foot)).MaxBy(group => group.Count())!.Key;
        yield return new PromptFormat(
            markup.Format, OfPieces(markup, texts, pieces.Head, pieces.Foot), builtIn.StopStrings, tokenizer);
    }

    /// <summary>The built-in format, with the space before an answer's marker as the texts have it.</summary>
    private static PromptFormat BuiltIn(TurnMarkup markup, IReadOnlyList<string> texts, Tokenizer? tokenizer)
    {
        var format = BuiltInFormats.Find(markup.Format)!;
        var template = markup.Format == "guanaco" ? BuiltInFormats.Guanaco(markup.SeparatorIn(texts)) : format.Template;
        return new PromptFormat(markup.Format, template, format.StopStrings, tokenizer);
    }

    private static List<Sample> Samples(TurnMarkup markup, IReadOnlyList<string> texts)
    {
        var samples = new List<Sample>();
        for (var i = 0; i < texts.Count; i++)
        {
            if (markup.FirstQuestion(texts[i]) is not { } prompt)
                continue;
            var question = prompt.IndexOf(markup.QuestionMarker, StringComparison.Ordinal);
            var answer = prompt.LastIndexOf(markup.AnswerMarker, StringComparison.Ordinal);
            if (question < 0 || answer < question + markup.QuestionMarker.Length)
                continue;

            var start = SkipSpace(prompt, question + markup.QuestionMarker.Length);
            var system = SystemInTurn().Match(prompt, start);
            if (system.Success && system.Index == start)
                start += system.Length;
            start = Math.Min(start, answer);
            var end = start + prompt.AsSpan(start, answer - start).TrimEnd().Length;
            if (markup.EndMarker is { } mark && prompt.AsSpan(start, end - start).EndsWith(mark))
                end = start + prompt.AsSpan(start, end - start - mark.Length).TrimEnd().Length;
            samples.Add(new Sample(i, prompt, prompt[..start], prompt[start..end], prompt[end..]));
        }
        return samples;
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
            at++;
        return at;
    }

    /// <summary>The instructions that all texts begin with, where the markup has a turn for them.</summary>
    private static string? SystemBlock(TurnMarkup markup, string head)
    {
        var match = markup.Format switch
        {
            "llama-2" => SystemInTurn().Match(head),
            "chatml" => SystemOfChatMl().Match(head),
            "llama-3" => SystemOfLlama3().Match(head),
            "zephyr" => SystemOfZephyr().Match(head),
            _ => Match.Empty,
        };
        return match.Success ? match.Groups["system"].Value : null;
    }

    /// <summary>A template whose conversations begin with instructions unless they bring their own.</summary>
    private static string WithSystem(string template, string system) =>
        "{%- if messages[0]['role'] != 'system' -%}" +
        $"{{%- set messages = [{{'role': 'system', 'content': {Quote(system)}}}] + messages -%}}" +
        $"{{%- endif -%}}{template}";

    /// <summary>
    /// A template of what stands before the question, between question and answer, and between turns. A system message
    /// takes the place of what precedes the first marker.
    /// </summary>
    private static string OfPieces(TurnMarkup markup, IReadOnlyList<string> texts, string head, string foot)
    {
        var marker = head.IndexOf(markup.QuestionMarker, StringComparison.Ordinal);
        var (preamble, opening) = (head[..marker], head[marker..]);
        var gap = foot[..(foot.Length - foot.TrimStart().Length)];
        var afterPreamble = preamble.Length == 0 ? gap : preamble[preamble.TrimEnd().Length..];
        var (lead, tail, between) = Turns(markup, texts);
        return
            "{%- for message in messages -%}" +
            $"{{%- if message['role'] == 'system' -%}}{{{{ message['content'] + {Quote(afterPreamble)} }}}}" +
            "{%- elif message['role'] == 'assistant' -%}" +
            $"{{{{ {Quote(foot + lead)} + message['content'] + {Quote(tail)} }}}}" +
            $"{{%- else -%}}{{{{ ({Quote(preamble)} if loop.first else " +
            "'' if messages[loop.index0 - 1]['role'] == 'system' else " +
            $"{Quote(between ?? gap)}) + {Quote(opening)} + message['content'] }}}}{{%- endif -%}}" +
            "{%- endfor -%}" +
            $"{{%- if add_generation_prompt -%}}{{{{ {Quote(foot)} }}}}{{%- endif -%}}";
    }

    /// <summary>
    /// What stands around an answer's words, and between an answer and the next question, in most texts.
    /// </summary>
    internal static (string Lead, string Tail, string? Between) Turns(TurnMarkup markup, IReadOnlyList<string> texts)
    {
        var (leads, tails, betweens) = (new List<string>(), new List<string>(), new List<string>());
        foreach (var text in texts)
        {
            var answers = markup.FindAnswers(text);
            foreach (var (i, (start, end)) in answers.Index())
            {
                var answer = text[start..end];
                leads.Add(answer[..(answer.Length - answer.TrimStart().Length)]);
                var words = markup.EndMarker is { } mark && answer.EndsWith(mark, StringComparison.Ordinal)
                    ? answer[..^mark.Length].TrimEnd()
                    : answer.TrimEnd();
                var limit = i + 1 < answers.Count ? answers[i + 1].Start : text.Length;
                var next = text.IndexOf(markup.QuestionMarker, end, limit - end, StringComparison.Ordinal);
                if (next >= 0)
                    betweens.Add(text[end..next]);
                if (next >= 0 || markup.EndMarker is not null)
                    tails.Add(answer[words.Length..]);
            }
        }
        return (Usual(leads) ?? "", Usual(tails) ?? "", Usual(betweens));
    }

    private static string? Usual(IEnumerable<string> values) =>
        values.GroupBy(value => value).MaxBy(group => group.Count())?.Key;

    private static string Quote(string text) => "'" + text.Replace("\\", "\\\\").Replace("'", "\\'")
        .Replace("\r", "\\r").Replace("\n", "\\n") + "'";

    [GeneratedRegex(@"<<SYS>>\n(?<system>.*?)\n<</SYS>>\s*", RegexOptions.Singleline)]
    private static partial Regex SystemInTurn();

    [GeneratedRegex(@"<\|im_start\|>system\n(?<system>.*?)<\|im_end\|>", RegexOptions.Singleline)]
    private static partial Regex SystemOfChatMl();

    [GeneratedRegex(
        @"<\|start_header_id\|>system<\|end_header_id\|>\n\n(?<system>.*?)<\|eot_id\|>", RegexOptions.Singleline)]
    private static partial Regex SystemOfLlama3();

    [GeneratedRegex(@"<\|system\|>\n(?<system>.*?)</s>", RegexOptions.Singleline)]
    private static partial Regex SystemOfZephyr();

    /// <summary>A text up to its first answer, taken apart.</summary>
    private sealed record Sample(int Index, string Prompt, string Head, string Question, string Foot)
    {
        private const string InputMarker = "\n\n### Input:\n";

        /// <summary>Whether a format writes the same when it is asked the question.</summary>
        public bool IsAskedBy(PromptFormat format, Tokenizer? tokenizer)
        {
            try
            {
                // The tokenizer may add the begin token that a text does not write out.
                var asked = format.RenderPrompt([Message()]);
                return asked == Prompt ||
                    (tokenizer is not null && Ids(asked, tokenizer).AsSpan().SequenceEqual(Ids(Prompt, tokenizer)));
            }
            catch (LorikeetException)
            {
                return false;
            }
        }

        private static int[] Ids(string text, Tokenizer tokenizer) => new TextEncoder(tokenizer).EncodePrompt(text);

        /// <summary>The question; Alpaca's input apart, as its format places it.</summary>
        private JsonObject Message()
        {
            var message = new JsonObject { ["role"] = "user", ["content"] = Question };
            if (Question.IndexOf(InputMarker, StringComparison.Ordinal) is var at and >= 0)
            {
                message["instruction"] = Question[..at];
                message["input"] = Question[(at + InputMarker.Length)..];
            }
            return message;
        }
    }
}
