using System.Text.Json.Nodes;
using Lorikeet.Configuration;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class ConfigVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Show_NamesTheOriginOfEveryValue()
    {
        File.WriteAllText(_folder["run.yaml"], "model: m\nlora_r: 8\n");

        var all = Cli.Succeed("config", "show", _folder["run.yaml"], "--seed", "7").Output;
        Assert.Matches(@"\nlora_r: 8 +# run.yaml:2\n", all);
        Assert.Matches(@"\nseed: 7 +# command line\n", all);
        Assert.Matches(@"\nlora_dropout: \S+ +# default\n", all);

        var changed = JsonNode.Parse(
            Cli.Succeed("config", "show", _folder["run.yaml"], "--changed", "--json").Output)!.AsObject();
        Assert.Equal(["lora_r", "model"], changed.Select(option => option.Key).Order());
        Assert.Equal("run.yaml:1", (string)changed["model"]!["origin"]!);
    }

    [Fact]
    public void Import_WritesWhatTrainReads_AndReplacesNothing()
    {
        File.WriteAllText(_folder["axolotl.yml"], """
            base_model: NousResearch/Llama-2-7b-hf
            adapter: qlora
            load_in_4bit: true
            sequence_len: 2048
            micro_batch_size: 2
            lora_r: 32
            datasets:
              - path: mhenrichsen/alpaca_2k_test
                type: alpaca
            """);

        Cli.Succeed("config", "import", _folder["axolotl.yml"], "--to", _folder["run.yaml"]);

        var options = OptionsResolver.Resolve(_folder["run.yaml"], []).Options;
        Assert.Equal((32, 2, 2048), (options.Lora.Rank, options.Optimization.BatchSize, options.Data.MaxLength));
        Assert.Equal("# From axolotl.yml.", File.ReadLines(_folder["run.yaml"]).First());
        var again = Cli.Run("config", "import", _folder["axolotl.yml"], "--to", _folder["run.yaml"]);
        Assert.Contains("is there already, and stays", again.Error);
    }

    [Fact]
    public void Schema_IsThatOfOptions() =>
        Assert.Equal(Cli.Succeed("options", "--schema").Output, Cli.Succeed("config", "schema").Output);
}
