using System.Text.Json.Nodes;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Lora;

public sealed class AdapterConfigTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("null", "The text is null. Expected an object")]
    [InlineData("""{"peft_type":"LORA","r":4,"r":8}""", "the key 'r' is there twice (character 27)")]
    [InlineData("""{"peft_type":"LORA","r":"4"}""", "'r' is \"4\". Expected a whole number from 1 to")]
    [InlineData("""{"peft_type":"LORA","r":null}""", "'r' is null. Expected a whole number from 1 to")]
    [InlineData("""{"peft_type":"LORA","r":0}""", "'r' is 0. Expected a whole number from 1 to")]
    [InlineData("""{"peft_type":"LORA","lora_alpha":null}""", "'lora_alpha' is null. Expected a number")]
    [InlineData("""{"peft_type":"LORA","lora_alpha":NaN}""", "'lora_alpha' is NaN. Expected a number")]
    [InlineData("""{"peft_type":"LORA","lora_dropout":2}""", "'lora_dropout' is 2. Expected a number from 0 to 1")]
    [InlineData("""{"peft_type":"LORA","target_modules":[null]}""", "'target_modules[0]' is null. Expected a string")]
    [InlineData(
        """{"peft_type":"LORA","target_modules":{"q_proj":1}}""",
        "'target_modules' is {\"q_proj\":1}. Expected a string")]
    [InlineData(
        """{"peft_type":"LORA","layers_to_transform":[null]}""",
        "'layers_to_transform[0]' is null. Expected a whole number")]
    [InlineData(
        """{"peft_type":"LORA","rank_pattern":{"q_proj":1.5}}""",
        "'rank_pattern.q_proj' is 1.5. Expected a whole number")]
    [InlineData("""{"peft_type":"LORA","alpha_pattern":[1]}""", "'alpha_pattern' is [1]. Expected an object")]
    [InlineData("""{"peft_type":"LORA","bias":true}""", "'bias' is true. Expected a string")]
    [InlineData("""{"peft_type":"LORA","use_dora":"yes"}""", "'use_dora' is \"yes\". Expected true or false")]
    [InlineData("""{"peft_type":"LORA","init_lora_weights":3}""", "'init_lora_weights' is 3. Expected a string")]
    [InlineData("""{"peft_type":"IA3"}""", "'peft_type' is \"IA3\". Expected \"LORA\"")]
    [InlineData("{}", "'peft_type' is missing. Expected a string")]
    public void AFileIsRefused_ByKeyAndValue(string text, string message)
    {
        File.WriteAllText(_folder[AdapterConfig.FileName], text);

        var fault = Assert.Throws<CheckpointException>(() => AdapterConfig.Read(_folder.Path)).Message;

        Assert.Contains(message, fault);
        Assert.Contains(_folder[AdapterConfig.FileName], fault);
    }

    [Theory]
    [InlineData("seed_qv")]
    [InlineData("patterns")]
    [InlineData("rslora")]
    [InlineData("dora")]
    [InlineData("layers")]
    [InlineData("modules_to_save")]
    public void NumbersAreOfTheKindsThatPeftWrites_WhenAFileOfPeftIsWrittenAgain(string name)
    {
        var folder = TestAssets.Golden("lora", name, "final");
        var read = AdapterConfig.Read(folder);

        var written = JsonNode.Parse(AdapterConfig.Write(read.Settings, read.BaseModel))!;

        JsonKinds.AssertSame(JsonNode.Parse(File.ReadAllText(Path.Combine(folder, AdapterConfig.FileName)))!, written);
    }

    [Theory]
    [InlineData(16, "16")]
    [InlineData(2.5, "2.5")]
    public void AlphaIsAnIntegerWhereItIsWhole_AndDropoutAlwaysAFloat(double alpha, string expected)
    {
        var written = AdapterConfig.Write(new LoraOptions { Alpha = alpha, Dropout = 0 }, "base");

        Assert.Contains($"\"lora_alpha\": {expected},\n", written);
        Assert.Contains("\"lora_dropout\": 0.0,\n", written);
    }

    [Fact]
    public void AFileInAFoldersPlaceIsRefused_AndItsFolderNamed()
    {
        var file = _folder["adapter_model.safetensors"];
        File.WriteAllText(file, "");

        var message = $"'{file}' is a file. The folder of a model or adapter, a GGUF file or an id on the hub was " +
        "expected. Name its folder";
        Assert.StartsWith(message, Assert.Throws<ConfigurationException>(() => AdapterConfig.Read(file)).Message);
        Assert.StartsWith(
            message, Assert.Throws<ConfigurationException>(() => ModelSource.Resolve(file, null)).Message);
    }

    [Theory]
    [InlineData(
        "q_prj",
        "lora_target_modules names 'q_prj', which this model does not have. Did you mean 'q_proj'? Expected some " +
        "of: q_proj")]
    [InlineData(
        "query_key_value",
        "lora_target_modules names 'query_key_value', which this model does not have. Expected some of")]
    public void ANameThatMatchesNothingIsRefused_ThoughOthersMatch(string name, string message)
    {
        using var model = Model();
        var settings = new LoraOptions { TargetModules = TargetModules.Named("v_proj", name) };

        Assert.StartsWith(
            message, Assert.Throws<ConfigurationException>(() => AdapterForm.RequireNames(model, settings)).Message);
    }

    [Fact]
    public void ModulesThatAreThereAreTaken_ByEndingAndWhole()
    {
        using var model = Model();

        AdapterForm.RequireNames(model, new LoraOptions
        {
            TargetModules = TargetModules.Named("self_attn.q_proj", "down_proj", "lm_head", "embed_tokens"),
            ModulesToSave = ["lm_head", "norm"],
        });

        var fault = Assert.Throws<ConfigurationException>(
            () => AdapterForm.RequireNames(model, new LoraOptions { ModulesToSave = ["lm_head", "embed_token"] }));
        Assert.Contains(
            "modules_to_save names 'embed_token', which this model does not have. Did you mean 'embed_tokens'?",
            fault.Message);
    }

    private static DecoderModel Model() => ModelLoader.Load(
        TestAssets.Golden("models", "gqa"), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
}
