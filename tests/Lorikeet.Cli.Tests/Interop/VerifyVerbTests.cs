using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>The verb that holds a model against another library's outputs, as a user runs it.</summary>
public sealed class VerifyVerbTests
{
    private static readonly string[] s_outputs =
    [
        "batched_leftpad_greedy", "beam3", "greedy", "hidden_states.0", "hidden_states.1", "hidden_states.2",
        "hidden_states.3", "logits", "loss",
    ];

    [Theory]
    [InlineData("gqa", "gqa")]
    [InlineData("rope_dynamic", "rope_dynamic")]
    [InlineData("gqa_sharded", "gqa")]
    [InlineData("gqa_bf16", "gqa")]
    public void Verify_Model_ComparesEveryOutputOfTransformers(string model, string expectedOf)
    {
        var result = Cli.Run("verify", "--model", Model(model), "--against", Expected(expectedOf), "--json");
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.ExitCode);
        var found = JsonNode.Parse(result.Output)!;
        Assert.True((bool)found["passed"]!);
        Assert.Equal(s_outputs, found["tensors"]!.AsArray().Select(tensor => (string)tensor!["name"]!));
        Assert.All(found["tensors"]!.AsArray(), tensor => Assert.True((long)tensor!["values"]! > 0));
    }

    [Theory]
    [InlineData("gqa_bnb_nf4")]
    [InlineData("gqa_bnb_int8")]
    public void Verify_QuantizedModel_ComparesWithBitsAndBytes(string model)
    {
        var result = Cli.Run("verify", "--model", Model(model), "--against", Expected(model));
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("pass  logits", result.Output);
        Assert.Contains("passed: 1 tensors agree", result.Output);
    }

    [Theory]
    [InlineData("gqa_bf16", "gqa", 0.25)] // 0.10 apart, as transformers' own rounded model is
    [InlineData("gqa_bnb_int8", "gqa_bnb_int8", 0.4)] // 0.21 apart, where the reference is 0.37 from its own float32
    public void Verify_RoundedModel_AllowsWhatRoundingExplainsAndNoMore(string model, string expectedOf, double most)
    {
        var result = Cli.Run("verify", "--model", Model(model), "--against", Expected(expectedOf), "--json");
        Assert.Equal(0, result.ExitCode);
        var logits = JsonNode.Parse(result.Output)!["tensors"]!.AsArray()
            .Single(tensor => (string)tensor!["name"]! == "logits")!;
        Assert.InRange((double)logits["allowed"]!, (double)logits["difference"]!, most);
    }

    [Fact]
    public void Verify_Adapter_ComparesWithPeft()
    {
        // These goldens were made after model.to(bfloat16).float(), rotary frequencies included.
        string[] rounded = ["--model", Model("gqa_bf16"), "--rope_inv_freq_dtype", "bfloat16", "--tolerance", "1e-4"];
        var adapter = TestAssets.Golden("lora", "all_linear", "final");
        var expected = TestAssets.Golden("lora", "all_linear", "expected_final.safetensors");
        var with = CliProcess.Run(["verify", .. rounded, "--adapter", adapter, "--against", expected]);
        Assert.Equal((0, ""), (with.ExitCode, with.Error));

        var without = Cli.Run(["verify", .. rounded, "--against", expected]);
        Assert.Equal(1, without.ExitCode);
        Assert.Contains("FAIL  logits", without.Output);
        Assert.Contains("FAILED: ", without.Output);
    }

    [Fact]
    public void Verify_WeightsByName_ComparesThoseOfTheModel()
    {
        var merged = TestAssets.Golden("lora", "seed_qv", "merged_layer1.safetensors");
        var result = Cli.Run("verify", "--model", Model("gqa_bf16"), "--against", merged, "--tolerance", "0", "--json");
        Assert.Equal(1, result.ExitCode);
        var failed = JsonNode.Parse(result.Output)!["tensors"]!.AsArray().Where(tensor => !(bool)tensor!["passed"]!);
        Assert.Equal(
            ["model.layers.1.self_attn.q_proj.weight", "model.layers.1.self_attn.v_proj.weight"],
            failed.Select(tensor => (string)tensor!["name"]!));
    }

    [Theory]
    [InlineData("There is nothing to compare with")]
    [InlineData("'nowhere.safetensors' does not exist", "--against", "nowhere.safetensors")]
    public void Verify_WithoutExpectedTensors_SaysSo(string expected, params string[] arguments)
    {
        var result = Cli.Run(["verify", "--model", Model("gqa"), .. arguments]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.Error);
    }

    private static string Model(string name) => TestAssets.Golden("models", name);

    private static string Expected(string name) => TestAssets.Golden("models", name, "expected.safetensors");
}
