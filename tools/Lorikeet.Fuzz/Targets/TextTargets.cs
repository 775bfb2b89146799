using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Fuzz.Mutation;
using Lorikeet.Text.ChatTemplates;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Fuzz.Targets;

/// <summary>Tokenizers and chat templates.</summary>
internal static class TextTargets
{
    private const string Sample =
        "Hello  wörld, it's <s>2 ▁x</s>\n\t한국 😀 e\u0301 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";

    private const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + (m['content'] or '') | trim }}" +
        "{% if m.tool_calls %}{{ m.tool_calls | tojson(indent=2) }}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}";

    private static readonly string[] TokenizerWords =
    [
        "BPE", "Unigram", "WordLevel", "WordPiece", "Sequence", "Replace", "Prepend", "NFC", "NFKD", "Lowercase",
        "Strip", "StripAccents", "BertNormalizer", "Nmt", "ByteLevel", "Precompiled", "Metaspace", "Split",
        "Whitespace", "Digits", "Punctuation", "FixedLength", "CharDelimiterSplit", "BertPreTokenizer",
        "TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteFallback", "Fuse", "BPEDecoder", "Removed",
        "Isolated", "MergedWithNext", "Contiguous", "always", "first", "never", "(a+)+$", "\\s+(?!\\S)|\\s+",
        "[^\\p{L}]++", "(?i:a|b){,3}", "((((a*)*)*)*)b", "▁", " ", "a", "", "<s>", "</s>", "<unk>", "<0x41>",
    ];

    private static readonly string[] TemplateWords =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "{% for a in range(99999) %}", "{% endfor %}", "{% if x %}", "{% else %}",
        "{% endif %}", "{% set x = ", "{% set ns.x = ", "namespace(x=", "{% macro m(a) %}", "{% endmacro %}", "{{ m(",
        "loop.index", "loop(", "recursive", "messages", "|list", "|map('upper')", "|join('x')", "|tojson(indent=2)",
        "|sort", "|groupby('role')", "|batch(3, 'x')", "|slice(3)", "|center(99)", "|indent(9)", "|wordwrap(3)",
        "|truncate(9)", "|replace('a', 'bb')", "|round(2)", "|int", "|format(1)", "|unique", ".split()", ".format(1)",
        ".ljust(99)", ".zfill(99)", ".replace('', 'x')", "[1:2:-1]", "[::0]", "'a' * 999999999", " ** 99999", " % ",
        " // ", " ~ ", " not ", " in ", " is defined", " is mapping", "{'a': 1}", "(1,)", "'%99999999d'",
        "'{:>99999999}'", "raise_exception('x')", "strftime_now('%c')", "{% generation %}", "{% endgeneration %}",
        "{% raw %}", "{% endraw %}", "{% call m() %}", "{% endcall %}", "1e999", "cycler(1, 2)", "joiner(',')", "-%}",
        "{%-", "'\\ud800'", "99999999999999999999",
    ];

    private static readonly string[] PatternWords =
        [
            "(?:", "(?=", "(?!", "(?<", "(?P<a>", "(?P=a)", "(?>", "(?i)", ")", "|", "*", "+", "?", "{,2}", "{2,}",
            "{99999}", "[^", "]", "\\p{L}", "\\1", "++", "&&", "\\x{41}", "[[:alpha:]]"];

    public static IReadOnlyList<Target> All { get; } =
    [
        new("tokenizer-json", new JsonMutator(TokenizerWords), TokenizerJson),
        new("tokenizer-model", new ProtobufMutator(), TokenizerModel),
        new("tokenizer-config", new JsonMutator(TokenizerWords), TokenizerConfig),
        new(
            "gguf.tokenizer", new Mutator([]),
            (input, workplace) => Use(Tokenizer.Load(workplace.Write("t.gguf", input)))),
        new("jinja", new Mutator(TemplateWords), Jinja),
        new(
            "conversation", new JsonMutator(["role", "content", "user", "assistant", "system", "tool_calls"]),
            Conversation),
        new("pattern", new Mutator(PatternWords), Pattern),
    ];

    private static void TokenizerJson(byte[] input, Workplace workplace)
    {
        workplace.Write("tokenizer.json", input);
        Use(Tokenizer.Load(workplace.Folder));
    }

    private static void TokenizerModel(byte[] input, Workplace workplace)
    {
        workplace.Write("tokenizer.model", input);
        var config = Path.Combine(workplace.Folder, "tokenizer_config.json");
        // With a configuration it becomes what transformers makes of it, alone what SentencePiece does.
        if (input.Length % 2 == 0)
            File.WriteAllText(config, "{}");
        else
            File.Delete(config);
        Use(Tokenizer.Load(workplace.Folder));
    }

    private static void TokenizerConfig(byte[] input, Workplace workplace)
    {
        workplace.Write(
            "tokenizer.json", """{"model":{"type":"BPE","vocab":{"a":0,"b":1,"<s>":2},"merges":[]}}"""u8.ToArray());
        workplace.Write("tokenizer_config.json", input);
        Use(Tokenizer.Load(workplace.Folder));
    }

    private static void Use(Tokenizer tokenizer)
    {
        var ids = tokenizer.Encode(Sample).Ids;
        tokenizer.Decode(ids.AsSpan(0, Math.Min(ids.Length, 1000)));
        tokenizer.Encode("");
        if (tokenizer.ChatTemplate is { } template)
            Render(template);
    }

    private static void Jinja(byte[] input, Workplace workplace) => Render(System.Text.Encoding.UTF8.GetString(input));

    private static void Render(string template)
    {
        var messages = JsonNode.Parse("""
            [{"role":"system","content":"Be brief."},{"role":"user","content":"Hi <there>\n"},
             {"role":"assistant","content":"Yo","tool_calls":[{"function":{"name":"f","arguments":{"a":[1,2.5,null,"x"]}}}]},
             {"role":"user","content":"Thanks"},{"role":"assistant","content":" Bye "}]
            """)!.AsArray();
        var rendered = ChatTemplate.Parse(template).Render(
            messages, addGenerationPrompt: false, tools: null,
            new JsonObject { ["bos_token"] = "<s>", ["eos_token"] = "</s>" });
        _ = rendered.AssistantSpans.Count;
    }

    private static void Conversation(byte[] input, Workplace workplace)
    {
        if (JsonSetting.Parse(input, new JsonOrigin("input")).ToNode() is not JsonArray messages)
            return;
        _ = ChatTemplate.Parse(ChatMl).Render(messages).AssistantSpans.Count;
    }

    private static void Pattern(byte[] input, Workplace workplace)
    {
        var pattern = System.Text.Encoding.UTF8.GetString(input);
        var json = new JsonObject
        {
            ["model"] = JsonNode.Parse("""{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}"""),
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Split",
                ["pattern"] = new JsonObject { ["Regex"] = pattern },
                ["behavior"] = "Isolated",
            },
        };
        try
        {
            Use(
                Tokenizer.Load(
                    workplace.Write("pattern.json", System.Text.Encoding.UTF8.GetBytes(json.ToJsonString()))));
        }
        catch (LorikeetException)
        {
            // one of the two answers asked for; Python's dialect is to be seen too
        }

        PythonExpression.Match(pattern, "model.layers.12.self_attn.q_proj");
    }
}
