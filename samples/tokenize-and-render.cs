#:project ../src/Lorikeet.Text/Lorikeet.Text.csproj
#:property PublishAot=false

// Token ids and chat templates, id for id as transformers makes them. Lorikeet.Text stands alone: no TorchSharp is
// loaded.
//
//     dotnet run -c Release samples/tokenize-and-render.cs
//
// Prints: <s> ▁What ▁is ▁the ▁symbol ▁for ▁the ▁element ▁le ad ?
// Prints: What is the symbol for the element lead?
// Prints: learned: Astrid Lindgren<|im_end|>

using System.Text.Json.Nodes;
using Lorikeet.Text.ChatTemplates;
using Lorikeet.Text.Tokenization;

// A folder with tokenizer.json or tokenizer.model, or a GGUF file.
var tokenizer = Tokenizer.Load("assets/nano-base");
var encoding = tokenizer.Encode("What is the symbol for the element lead?");
Console.WriteLine(string.Join(' ', encoding.Ids.Select(tokenizer.IdToToken)));
Console.WriteLine(tokenizer.Decode(encoding.Ids, skipSpecialTokens: true));

// A model with a chat template of its own has it in tokenizer.ChatTemplate.
var template = ChatTemplate.Parse(tokenizer.ChatTemplate ?? """
    {%- for message in messages -%}
    <|im_start|>{{ message.role }}
    {{ message.content }}<|im_end|>
    {% endfor %}
    """);
var chat = template.Render(
[
    new JsonObject { ["role"] = "user", ["content"] = "Who wrote Pippi?" },
    new JsonObject { ["role"] = "assistant", ["content"] = "Astrid Lindgren" },
]);
Console.WriteLine(chat.Text);

// What the assistant says is known to the character: the part of a conversation that training learns from.
foreach (var (start, end) in chat.AssistantSpans)
    Console.WriteLine($"learned: {chat.Text[start..end]}");
