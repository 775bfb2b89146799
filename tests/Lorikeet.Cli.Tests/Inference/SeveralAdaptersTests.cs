using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Inference;

/// <summary>Adapters by name, as a user loads and combines them.</summary>
public sealed class SeveralAdaptersTests : IDisposable
{
    private static readonly string s_base = TestAssets.Golden("models", "gqa_bf16");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Generate_RowsThatNameAnAdapter_AreAnsweredByIt()
    {
        string?[] names = [null, "other", "base", "other"];
        File.WriteAllLines(_folder["rows.jsonl"], names.Select(Row));
        var together = Ask("--adapter", Golden("all"), $"other={Golden("seed_qv")}");

        File.WriteAllText(_folder["rows.jsonl"], Row(null));
        var expected = new Dictionary<string, string>
        {
            [""] = (Ask("--adapter", Golden("all")))[0],
            ["other"] = (Ask("--adapter", Golden("seed_qv")))[0],
            ["base"] = (Ask())[0],
        };
        Assert.Equal(3, expected.Values.Distinct().Count());
        Assert.Equal(names.Select(name => expected[name ?? ""]), together);
    }

    [Fact]
    public void Generate_Combination_OfOneAdapterAtFullWeight_IsThatAdapter()
    {
        File.WriteAllText(_folder["rows.jsonl"], Row(null));
        var alone = Ask("--adapter", Golden("all"));
        var combined = Ask("--adapter", $"a={Golden("all")}", $"b={Golden("seed_qv")}", "--combine", "a=1,b=0");
        var mixed = Ask("--adapter", $"a={Golden("all")}", $"b={Golden("seed_qv")}", "--combine", "a=0.5,b=3");
        Assert.Equal(alone, combined);
        Assert.NotEqual(alone, mixed);
    }

    [Fact]
    public void Generate_UnknownAdapter_IsAnError()
    {
        File.WriteAllText(_folder["rows.jsonl"], Row("nobody"));
        Assert.Equal(2, Run("--adapter", Golden("all")).ExitCode);
    }

    private static string Row(string? adapter) => new JsonObject
    {
        ["input_ids"] = new JsonArray([.. Enumerable.Range(20, 12).Select(id => (JsonNode)id)]),
        ["adapter"] = adapter,
    }.ToJsonString();

    private List<string> Ask(params string[] arguments)
    {
        Assert.Equal(0, Run(arguments).ExitCode);
        return
        [
            .. File.ReadLines(_folder["answers.jsonl"])
                .Select(line => JsonNode.Parse(line)!["output_ids"]!.ToJsonString()),
        ];
    }

    private CliResult Run(params string[] arguments) => Cli.Run(
    [
        "generate", "--model", s_base, "--input", _folder["rows.jsonl"], "--output", _folder["answers.jsonl"],
        "--max_new_tokens", "12", "--device", "cpu", "--torch_dtype", "float32", .. arguments,
    ]);

    private static string Golden(string name) => TestAssets.Golden("lora", name, "final");
}
