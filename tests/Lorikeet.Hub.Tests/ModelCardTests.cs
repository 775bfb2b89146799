using Lorikeet.Hub.ModelCards;
using Lorikeet.Hub.Tests.Serving;
using YamlDotNet.RepresentationModel;

namespace Lorikeet.Hub.Tests;

public class ModelCardTests
{
    private static readonly ModelCard Card = new()
    {
        Title = "TinyLlama answers",
        Subject = CardSubject.Adapter,
        BaseModel = "TinyLlama/TinyLlama-1.1B",
        Id = "me/tiny-answers",
        Summary = "Answers questions.",
        Datasets = ["timdettmers/openassistant-guanaco", "local rows.jsonl"],
        Languages = ["en", "vi", "no"],
        License = "apache-2.0",
        Tags = ["qlora"],
        Training = [new CardFact("rank", "16"), new CardFact("data | split", "train")],
        Scores = [new CardScore("exact match", "2.1 %", "96.0 %"), new CardScore("perplexity", null, "3.2")],
    };

    [Fact]
    public void Head_HoldsWhatTheHubIndexes()
    {
        var head = Head(ModelCardFile.Render(Card, ""));

        Assert.Equal("TinyLlama/TinyLlama-1.1B", Text(head["base_model"]));
        Assert.Equal("peft", Text(head["library_name"]));
        Assert.Equal("text-generation", Text(head["pipeline_tag"]));
        Assert.Equal("apache-2.0", Text(head["license"]));
        Assert.Equal(
            ["base_model:adapter:TinyLlama/TinyLlama-1.1B", "lora", "lorikeet", "qlora"], List(head["tags"]));
        Assert.Equal(["timdettmers/openassistant-guanaco"], List(head["datasets"]));
        Assert.Equal(["en", "vi", "no"], List(head["language"]));
        Assert.Contains("- 'no'", ModelCardFile.Render(Card, ""));
    }

    [Fact]
    public void LocalBase_IsNotTakenForARepository_AndItsNameLeavesWithIt()
    {
        var first = ModelCardFile.Render(Card with { BaseModel = "nano-base", BaseIsLocal = true }, "");
        var old = "---\nbase_model: nano-base\ntags:\n- base_model:adapter:nano-base\n- mine\n---\n";

        Assert.DoesNotContain("base_model", first.Split("---")[1]);
        Assert.Equal(
            ["mine", "base_model:adapter:TinyLlama/TinyLlama-1.1B", "lora", "lorikeet", "qlora"],
            List(Head(ModelCardFile.Render(Card, old))["tags"]));
    }

    [Fact]
    public void MergedModel_IsOfTransformers()
    {
        var card = ModelCardFile.Render(Card with { Subject = CardSubject.Model }, "");
        Assert.Equal("transformers", Text(Head(card)["library_name"]));
        Assert.Contains("base_model:finetune:TinyLlama/TinyLlama-1.1B", List(Head(card)["tags"]));
        Assert.DoesNotContain("peft", card);
    }

    [Fact]
    public void Body_ShowsUseTrainingAndScores()
    {
        var card = ModelCardFile.Render(Card, "");
        Assert.Contains("# TinyLlama answers\n", card);
        Assert.Contains(
            "\nlorikeet generate --adapter me/tiny-answers --prompt 'What is the capital of Vietnam?'", card);
        Assert.Contains("LanguageModel.Load(\"me/tiny-answers\")", card);
        Assert.Contains("Console.WriteLine(model.Answer(\"What is the capital of Vietnam?\"));", card);
        Assert.Contains("PeftModel.from_pretrained(model, \"me/tiny-answers\")", card);
        Assert.Contains("| exact match | 2.1 % | 96.0 % |", card);
        Assert.Contains("| perplexity | – | 3.2 |", card);
        Assert.Contains("| data \\| split | train |", card);
        Assert.Contains(
            "[timdettmers/openassistant-guanaco](https://huggingface.co/datasets/timdettmers/openassistant-guanaco)",
            card);
    }

    [Fact]
    public void ExistingCard_KeepsWhatOthersWrote()
    {
        const string Existing = """
            ---
            license: mit
            thumbnail: picture.png
            tags:
            - custom
            - lora
            base_model: old/base
            ---

            # My words

            They stay.
            """;
        var once = ModelCardFile.Render(Card, Existing);
        var twice = ModelCardFile.Render(Card with { Title = "Renamed" }, once + "\nAfter.\n");

        var head = Head(twice);
        Assert.Equal("mit", Text(head["license"]));
        Assert.Equal("picture.png", Text(head["thumbnail"]));
        Assert.Equal("TinyLlama/TinyLlama-1.1B", Text(head["base_model"]));
        Assert.Equal(
            ["custom", "lora", "base_model:adapter:TinyLlama/TinyLlama-1.1B", "lorikeet", "qlora"], List(head["tags"]));
        Assert.Contains("They stay.", twice);
        Assert.EndsWith("After.\n", twice);
        Assert.Contains("# Renamed", twice);
        Assert.DoesNotContain("# TinyLlama answers", twice);
    }

    [Fact]
    public void WritingAgain_ChangesNothing()
    {
        using var folder = new TemporaryFolder();
        ModelCardFile.Write(Card, folder.Path);
        var first = File.ReadAllText(folder.File("README.md"));
        ModelCardFile.Write(Card, folder.Path);
        Assert.Equal(first, File.ReadAllText(folder.File("README.md")));
        Assert.DoesNotContain("\r", first);
    }

    [Fact]
    public void Head_ThatIsNoYaml_IsNamed()
    {
        var error = Assert.Throws<CheckpointException>(() =>
            ModelCardFile.Render(Card, "---\nlicense: [mit\n---\n# Card\n"));
        Assert.Contains("README.md", error.Message);
    }

    private static YamlMappingNode Head(string card)
    {
        Assert.StartsWith("---\n", card);
        var yaml = new YamlStream();
        yaml.Load(new StringReader(card[4..card.IndexOf("\n---\n", 4, StringComparison.Ordinal)]));
        return (YamlMappingNode)yaml.Documents[0].RootNode;
    }

    private static string? Text(YamlNode node) => ((YamlScalarNode)node).Value;

    private static IEnumerable<string?> List(YamlNode node) => ((YamlSequenceNode)node).Children.Select(Text);
}
