using System.Globalization;
using System.Text;
using System.Text.Json;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.ModelCards;

/// <summary>The part of a card that people read.</summary>
internal static class CardBody
{
    public static string Render(ModelCard card)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# {card.Title}\n\n");
        if (card.Summary is not null)
            text.Append(card.Summary.Trim()).Append("\n\n");
        text.Append(Origin(card)).Append("\n\n");
        AppendScores(text, card);
        AppendUse(text, card);
        AppendTraining(text, card);
        return VisibleText.Of(text.ToString());
    }

    private static string Origin(ModelCard card) => card.Subject == CardSubject.Adapter
        ? $"A LoRA adapter for {Link(card.BaseModel, "")}, trained with Lorikeet. It is in PEFT's format."
        : $"{Link(card.BaseModel, "")}, fine-tuned with Lorikeet.";

    private static void AppendScores(StringBuilder text, ModelCard card)
    {
        if (card.Scores.Count == 0)
            return;
        text.Append("## Evaluation\n\nOn data it was not trained on.\n\n");
        text.Append("| | base | fine-tuned |\n|---|---:|---:|\n");
        foreach (var score in card.Scores)
            text.Append(CultureInfo.InvariantCulture, $"| {Cell(score.Name)} | {Cell(score.Base ?? "–")} | " +
                $"{Cell(score.Tuned)} |\n");
        text.Append('\n');
    }

    private static void AppendUse(StringBuilder text, ModelCard card)
    {
        var id = card.Id ?? "OWNER/NAME";
        var option = card.Subject == CardSubject.Adapter ? "--adapter" : "--model";
        text.Append("## Use\n\nOn the command line, with Lorikeet (.NET):\n\n```bash\n");
        text.Append(CultureInfo.InvariantCulture, $"{card.Program} generate {option} {id} --prompt " +
            $"{ShellQuote(card.Question)}\n");
        text.Append("```\n\nIn C#:\n\n```csharp\n").Append(CSharp(card, id));
        text.Append("```\n\nIn Python:\n\n```python\n").Append(Python(card, id)).Append("```\n\n");
    }

    private static string CSharp(ModelCard card, string id) =>
        $$"""
        using Lorikeet;

        using var model = LanguageModel.Load("{{id}}");
        Console.WriteLine(model.Answer({{Quote(card.Question)}}));

        """.ReplaceLineEndings("\n");

    private static string Python(ModelCard card, string id)
    {
        var isAdapter = card.Subject == CardSubject.Adapter;
        var imports = isAdapter ? "from peft import PeftModel\n" : "";
        // A chat template writes the tokens that begin a text itself.
        var addSpecial = card.Prompt is null ? "False" : "True";
        var prompt = card.Prompt is null
            ? $"tokenizer.apply_chat_template([{{\"role\": \"user\", \"content\": {Quote(card.Question)}}}], " +
              "tokenize=False, add_generation_prompt=True)"
            : Quote(card.Prompt);
        var load = isAdapter
            ? $"""
              model = AutoModelForCausalLM.from_pretrained("{card.BaseModel}", dtype="auto")
              model = PeftModel.from_pretrained(model, "{id}")
              """
            : $"""model = AutoModelForCausalLM.from_pretrained("{id}", dtype="auto")""";
        return $"""
            {imports}from transformers import AutoModelForCausalLM, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("{(isAdapter ? card.BaseModel : id)}")
            {load}
            prompt = {prompt}
            inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens={addSpecial})
            output = model.generate(**inputs, max_new_tokens=256)
            print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))

            """.ReplaceLineEndings("\n");
    }

    private static void AppendTraining(StringBuilder text, ModelCard card)
    {
        if (card.Training.Count == 0 && card.Datasets.Count == 0)
            return;
        text.Append("## Training\n\n| | |\n|---|---|\n");
        foreach (var dataset in card.Datasets)
            text.Append(CultureInfo.InvariantCulture, $"| data | {Cell(Link(dataset, "datasets/"))} |\n");
        foreach (var fact in card.Training)
            text.Append(CultureInfo.InvariantCulture, $"| {Cell(fact.Name)} | {Cell(fact.Value)} |\n");
    }

    /// <summary>A link to what has a page on the hub; else the name alone.</summary>
    private static string Link(string id, string kind) =>
        Repository.IsId(id) && id.Contains('/') ? $"[{id}](https://huggingface.co/{kind}{id})" : id;

    private static string ShellQuote(string text) => $"'{text.Replace("'", "'\\''")}'";

    /// <summary>A string literal that C# and Python read alike.</summary>
    private static string Quote(string text) =>
        string.Concat(JsonSerializer.Serialize(text, JsonFormats.Line).Select(character =>
        char.IsSurrogate(character) || VisibleText.Of(new Rune(character)).Value == character
            ? character.ToString()
            : $"\\u{(int)character:x4}"));

    private static string Cell(string text) => text.ReplaceLineEndings(" ").Replace("|", "\\|");
}
