using Lorikeet.Models.Generation;
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

    [Theory]
    [InlineData("""{"temperature": "warm"}""", "'temperature' is \"warm\". Expected a number")]
    [InlineData("""{"eos_token_id": [null]}""", "'eos_token_id[0]' is null. Expected a whole number from 0")]
    [InlineData("""{"eos_token_id": -1}""", "'eos_token_id' is -1. Expected a whole number from 0")]
    [InlineData("""{"eos_token_id": 1, "eos_token_id": 2}""", "the key 'eos_token_id' is there twice")]
    [InlineData("""{"num_beams": 2147483647}""", "'num_beams' is 2147483647. Expected a whole number from 1 to 1024")]
    [InlineData(
        """{"max_new_tokens": 2147483647}""", "'max_new_tokens' is 2147483647. Expected a whole number from 1 to")]
    [InlineData("""{"max_new_tokens": 0}""", "'max_new_tokens' is 0. Expected a whole number from 1 to")]
    [InlineData("""{"do_sample": true, "top_p": 1.5}""", "'top_p' is 1.5. Expected a number from 0 to 1")]
    [InlineData("""{"do_sample": true, "temperature": -1}""", "'temperature' is -1. Expected a number")]
    [InlineData("""{"do_sample": 1}""", "'do_sample' is 1. Expected true or false")]
    [InlineData("""{"repetition_penalty": 0}""", "'repetition_penalty' is 0. Expected a number")]
    [InlineData("""{"bad_words_ids": [[1, "a"]]}""", "'bad_words_ids[0][1]' is \"a\". Expected a whole number")]
    [InlineData("""{"stop_strings": [""]}""", "'stop_strings[0]' is \"\". Expected a text")]
    [InlineData("""{"early_stopping": "soon"}""", "'early_stopping' is \"soon\". Expected true, false or \"never\"")]
    [InlineData("[]", "The text is []. Expected an object")]
    public void AWrongValue_IsAnErrorThatNamesFileAndKey(string text, string message)
    {
        using var folder = new TemporaryFolder();
        var path = folder["generation_config.json"];
        File.WriteAllText(path, text);
        var fault = Assert.Throws<CheckpointException>(() => GenerationConfig.Load(folder.Path)).Message;
        Assert.Contains(message, fault);
        Assert.Contains(path, fault);
    }

    [Theory]
    [InlineData("""{"do_sample": false, "temperature": 0, "top_k": -1}""", 0, 0)]
    [InlineData("""{"temperature": 0.0, "top_p": -3, "top_k": 20}""", 0, 20)]
    [InlineData("""{"temperature": -1, "typical_p": 0, "min_p": 7}""", 1, 50)]
    [InlineData("""{"do_sample": true, "temperature": 0, "top_k": -1}""", 0, 0)]
    public void WhatShapesADraw_IsNoErrorWhereNothingIsDrawn(string text, double temperature, int topK)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["generation_config.json"], text);

        var options = GenerationConfig.Load(folder.Path);

        options.Validate();
        Assert.False(options.Draws);
        Assert.Equal((temperature, topK, 1.0), (options.Temperature, options.TopK, options.TopP));
    }

    [Theory]
    [InlineData(true, 0, false)]
    [InlineData(true, 0.7, true)]
    [InlineData(false, 0.7, false)]
    public void Temperature0_TakesTheMostLikelyToken(bool sample, double temperature, bool draws)
    {
        var options = new GenerationOptions { Sample = sample, Temperature = temperature };

        options.Validate();
        Assert.Equal(draws, options.Draws);
        Assert.Equal(!draws, new TokenChooser(options with { TopK = 0 }, 10).TakesMostLikely);
        if (!draws)
            (options with { Beams = 2 }).Validate();
    }

    [Theory]
    [InlineData(20, null, 20)]
    [InlineData(20, 15, 20)]
    [InlineData(null, 15, 5)]
    [InlineData(null, 7, 0)]
    public void Length_FollowsMaxNewTokensBeforeMaxLength(int? maxNewTokens, int? maxLength, int expected) =>
        Assert.Equal(
            expected, new GenerationOptions { MaxNewTokens = maxNewTokens, MaxLength = maxLength }.NewTokensAfter(10));

    [Fact]
    public void Validate_NamesTheOptionAndItsRange() =>
        Assert.Equal(
            "top_p is 1.5. It must be between 0 and 1.",
            Assert.Throws<ConfigurationException>(() => new GenerationOptions { TopP = 1.5 }.Validate()).Message);
}
