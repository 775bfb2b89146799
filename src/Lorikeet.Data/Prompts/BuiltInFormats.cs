using Lorikeet.Data.Encoded;

namespace Lorikeet.Data.Prompts;

/// <summary>Templates that need no tokenizer to bring them.</summary>
internal static class BuiltInFormats
{
    /// <summary>The name and the strings that end an answer; the template is Jinja, as chat templates are.</summary>
    internal sealed record BuiltInFormat(string Name, string Template, params string[] StopStrings);

    /// <summary>What stands between a question and <c>### Assistant:</c> in OpenAssistant-Guanaco.</summary>
    public const string GuanacoSeparator = " ";

    private static readonly BuiltInFormat[] Formats =
    [
        new("guanaco", Guanaco(GuanacoSeparator), "### Human:"),
        new("alpaca", Alpaca, "### Instruction:"),
        new("squad", Squad, "\nContext:", "\nQuestion:"),
        new("llama-2", Llama2, "[INST]"),
        new("chatml", ChatMl, "<|im_end|>"),
        new("llama-3", Llama3, "<|eot_id|>"),
        new("zephyr", Zephyr, "<|user|>"),
        new("verbatim", Verbatim),
    ];

    /// <summary>Names of all formats.</summary>
    public static IEnumerable<string> Names => Formats.Select(format => format.Name);

    /// <summary>The format of a name, or null.</summary>
    public static BuiltInFormat? Find(string name) => Array.Find(Formats, format => format.Name == name);

    /// <summary>OpenAssistant-Guanaco (QLoRA, arXiv 2305.14314) with the separator its text has.</summary>
    public static string Guanaco(string separator)
    {
        var space = separator.Replace("\n", "\\n");
        return
            "{% for message in messages %}" +
            "{% if message['role'] == 'system' %}{{ message['content'] }}" +
            $"{{% elif message['role'] == 'assistant' %}}{{{{ '{space}### Assistant: ' + message['content'] }}}}" +
            $"{{% else %}}{{{{ ('' if loop.first else '{space}') + '### Human: ' + message['content'] }}}}" +
            "{% endif %}" +
            "{% endfor %}" +
            $"{{% if add_generation_prompt %}}{{{{ '{space}### Assistant:' }}}}{{% endif %}}";
    }

    /// <summary>Stanford Alpaca; a system message takes the place of the preamble.</summary>
    private const string Alpaca =
        """
        {%- if messages[0]['role'] == 'system' -%}
        {{ messages[0]['content'] }}
        {%- elif messages[0]['input'] is defined -%}
        {{ 'Below is an instruction that describes a task, paired with an input that provides further context. ' }}
        {{- 'Write a response that appropriately completes the request.' }}
        {%- else -%}
        {{ 'Below is an instruction that describes a task. ' }}
        {{- 'Write a response that appropriately completes the request.' }}
        {%- endif -%}
        {%- for message in messages -%}
        {%- if message['role'] == 'assistant' -%}
        {{ '\n\n### Response:\n' + message['content'] }}
        {%- elif message['input'] is defined -%}
        {{ '\n\n### Instruction:\n' + message['instruction'] + '\n\n### Input:\n' + message['input'] }}
        {%- elif message['role'] != 'system' -%}
        {{ '\n\n### Instruction:\n' + message['content'] }}
        {%- endif -%}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
        {{ '\n\n### Response:\n' }}
        {%- endif -%}
        """;

    private const string Squad =
        """
        {%- for message in messages -%}
        {%- if message['role'] == 'assistant' -%}
        {{ '\nAnswer: ' + message['content'] + ('' if loop.last else '\n\n') }}
        {%- elif message['context'] is defined -%}
        {{ 'Context: ' + message['context'] + '\nQuestion: ' + message['question'] }}
        {%- elif message['role'] == 'system' -%}
        {{ message['content'] + '\n\n' }}
        {%- else -%}
        {{ 'Question: ' + message['content'] }}
        {%- endif -%}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
        {{ '\nAnswer:' }}
        {%- endif -%}
        """;

    /// <summary>Llama-2-chat; the begin token of each turn but the first is written out.</summary>
    private const string Llama2 =
        """
        {%- for message in messages -%}
        {%- if message['role'] == 'assistant' -%}
        {{ ' ' + message['content'] + ' ' + eos_token }}
        {%- elif message['role'] != 'system' -%}
        {{ bos_token + '[INST] ' }}
        {%- if loop.index0 == 1 and messages[0]['role'] == 'system' -%}
        {{ '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' }}
        {%- endif -%}
        {{ message['content'] + ' [/INST]' }}
        {%- endif -%}
        {%- endfor -%}
        """;

    private const string ChatMl =
        """
        {%- for message in messages -%}
        {{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
        {{ '<|im_start|>assistant\n' }}
        {%- endif -%}
        """;

    private const string Llama3 =
        """
        {{- bos_token }}
        {%- for message in messages -%}
        {{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] + '<|eot_id|>' }}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
        {{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
        {%- endif -%}
        """;

    private const string Zephyr =
        """
        {%- for message in messages -%}
        {{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token + '\n' }}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
        {{ '<|assistant|>\n' }}
        {%- endif -%}
        """;

    /// <summary>Everything as it is: a completion follows its prompt with nothing between.</summary>
    private const string Verbatim = "{% for message in messages %}{{ message['content'] }}{% endfor %}";
}
