using Lorikeet.Configuration;

namespace Lorikeet.Tests.Options;

public sealed class SweepResolverTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lorikeet-sweep").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Grid_IsEveryCombination()
    {
        var sweep = Resolve("""
            model: base
            dataset: rows.jsonl
            lora_alpha: 5
            sweep:
              lora_r: [4, 8]
              learning_rate: [1e-4, 2e-4, 3e-4]
              lora_target_modules: ["q_proj,v_proj"]
            """, ("seed", "9"))!;

        Assert.Equal(6, sweep.Members.Count);
        Assert.Equal(
            ["lora_r-4-learning_rate-1e-4", "lora_r-4-learning_rate-2e-4"],
            sweep.Members.Take(2).Select(member => member.Name));
        var last = sweep.Members[5].Options.Options;
        Assert.Equal((8, 3e-4, 5, 9), (
            last.Lora.Rank, last.Optimization.LearningRate, (int)last.Lora.Alpha, (int)last.Optimization.Seed));
        Assert.Equal(["q_proj", "v_proj"], last.Lora.TargetModules.Names);
        Assert.Equal("run.yaml:5", sweep.Members[5].Options.OriginOf("lora_r").Text);
    }

    [Fact]
    public void List_IsRunsWithNamesAndDataOfTheirOwn()
    {
        var sweep = Resolve("""
            model: base
            sweep:
              - { name: capitals, dataset: capitals.jsonl }
              - name: rivers
                dataset: [rivers.jsonl, lakes.jsonl]
                lora_target_modules: [q_proj, v_proj]
              - { dataset: a.jsonl, lora_r: 4 }
            """)!;

        Assert.Equal(
            ["capitals", "rivers", "dataset-a.jsonl-lora_r-4"], sweep.Members.Select(member => member.Name));
        Assert.Equal(["rivers.jsonl", "lakes.jsonl"], sweep.Members[1].Options.Options.Data.Datasets);
        Assert.Equal("4", sweep.Members[2].Values["lora_r"]);
    }

    [Theory]
    [InlineData("sweep: {}", "holds no runs")]
    [InlineData("sweep: { lora_r: [4] }", "comes to 1 runs")]
    [InlineData("sweep: { lora_rr: [4, 8] }", "Did you mean 'lora_r'?")]
    [InlineData("sweep: { load_in_4bit: [true, false] }", "run.yaml:3: 'load_in_4bit' cannot differ")]
    [InlineData("sweep: { lora_r: { a: 1 } }", "holds a mapping")]
    [InlineData("sweep: { lora_r: [4, many] }", "is 'many'")]
    public void Mistake_IsNamedWithItsPlace(string line, string expected) => Assert.Contains(
        expected,
        Assert.Throws<ConfigurationException>(() => Resolve($"model: base\ndataset: rows.jsonl\n{line}\n")).Message);

    [Fact]
    public void FileWithoutASweep_IsOneRun() => Assert.Null(Resolve("model: base\ndataset: rows.jsonl\n"));

    private ResolvedSweep? Resolve(string yaml, params (string Name, string Value)[] commandLine)
    {
        var path = Path.Combine(_folder, "run.yaml");
        File.WriteAllText(path, yaml);
        return SweepResolver.Resolve(path, [.. commandLine.Select(pair =>
            new Setting(pair.Name, new RawValue.Scalar(pair.Value), OptionOrigin.CommandLine))]);
    }
}
