using System.Text.Json.Nodes;
using Lorikeet.Formats.Options;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Models.Verification;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Lora;

/// <summary>Adapters that PEFT combined, and what the model says with the result.</summary>
public sealed class CombinationParityTests
{
    [Theory]
    [InlineData("00_linear")]
    [InlineData("01_cat")]
    [InlineData("02_svd")]
    [InlineData("03_svd")]
    [InlineData("04_cat")]
    [InlineData("05_linear")]
    [InlineData("06_cat")]
    [InlineData("07_svd")]
    [InlineData("08_ties")]
    [InlineData("09_ties")]
    [InlineData("10_magnitude_prune")]
    [InlineData("11_ties_svd")]
    [InlineData("12_magnitude_prune_svd")]
    public void Combination_HasTheOutputsThatItHasInPeft(string file)
    {
        var cases = JsonNode.Parse(File.ReadAllText(TestAssets.Produced("lora_combined", "cases.json")))!.AsArray();
        var combination = cases.Single(one => one!["file"]!.GetValue<string>() == file)!;
        var names = combination["adapters"]!.AsArray().Select(name => name!.GetValue<string>()).ToList();
        var weights = combination["weights"]!.AsArray().Select(weight => weight!.GetValue<double>());
        using var model = LanguageModel.Load(TestAssets.Golden("models", combination["base"]!.GetValue<string>()), new()
        {
            Adapters = [.. names.Select(name => new NamedAdapter(name, TestAssets.Golden("lora_combined", name)))],
            Device = "cpu",
            ComputeType = ComputeType.Float32,
        });
        var settings = new CombinationSettings
        {
            Kind = (CombinationKind)WireNames.Find(
                typeof(CombinationKind), combination["combination_type"]!.GetValue<string>())!,
            Rank = combination["svd_rank"]?.GetValue<int>(),
            Density = combination["density"]?.GetValue<double>() ?? 1,
            Majority = combination["majority_sign_method"]?.GetValue<string>() == "frequency"
                ? SignMajority.Frequency
                : SignMajority.Total,
        };
        model.Adapters.Combine(
            "sum", names.Zip(weights).ToDictionary(pair => pair.First, pair => pair.Second), settings);

        using var expected = SafetensorsFile.Open(TestAssets.Golden("lora_combined", file + ".safetensors"));
        var result = new ModelVerifier(model.Decoder, model.Folder) { Tolerance = 1e-4 }.Compare(expected);
        Assert.All(result.Tensors, tensor => Assert.True(tensor.Passed, $"{tensor.Name}: {tensor.Difference}"));
        Compatibility.RecordNear(
            "Combined adapters",
            $"{file[3..]} of {string.Join(", ", names)} ({file[..2]}): logits, loss, continuations",
            "peft 0.21.0", $"{result.Tensors.Sum(tensor => tensor.Compared):N0} values",
            result.Tensors.Single(tensor => tensor.Name == "logits").Difference);
    }
}
