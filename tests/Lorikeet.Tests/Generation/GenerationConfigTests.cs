using Lorikeet.Generation;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Generation;

public sealed class GenerationConfigTests
{
    [Fact]
    public void File_SetsTheDefaultsOfItsModel()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "generation_config.json"), """
            {"do_sample": true, "temperature": 0.6, "top_p": 0.9, "max_length": 4096, "pad_token_id": 0,
             "eos_token_id": [128001, 128009], "early_stopping": "never", "top_k": null}
            """);
        var options = GenerationConfig.Load(folder.Path);
        Assert.Equal(
            (true, 0.6, 0.9, 50, EarlyStopping.Never),
            (options.Sample, options.Temperature, options.TopP, options.TopK, options.EarlyStopping));
        Assert.Equal([128001, 128009], options.EndTokens);
        Assert.Equal(GenerationOptions.DefaultMaxNewTokens, options.NewTokensAfter(10));
    }

    [Fact]
    public void WithoutTheFile_TheEndTokenOfTheConfigCounts()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "config.json"), """{"eos_token_id": 2, "vocab_size": 32000}""");
        Assert.Equal([2], GenerationConfig.Load(folder.Path).EndTokens);
    }

    [Fact]
    public void WrongKind_IsAnErrorThatNamesTheFile()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "generation_config.json"), """{"temperature": "warm"}""");
        Assert.Contains("generation_config.json",
            Assert.Throws<CheckpointException>(() => GenerationConfig.Load(folder.Path)).Message);
    }

    [Theory]
    [InlineData(20, null, 20)]
    [InlineData(20, 15, 20)]
    [InlineData(null, 15, 5)]
    [InlineData(null, 7, 0)]
    public void Length_FollowsMaxNewTokensBeforeMaxLength(int? maxNewTokens, int? maxLength, int expected) =>
        Assert.Equal(expected, new GenerationOptions { MaxNewTokens = maxNewTokens, MaxLength = maxLength }.NewTokensAfter(10));

    [Fact]
    public void Validate_NamesTheOptionAndItsRange() =>
        Assert.Equal(
            "top_p is 1.5. It must be between 0 and 1.",
            Assert.Throws<ConfigurationException>(() => new GenerationOptions { TopP = 1.5 }.Validate()).Message);
}
