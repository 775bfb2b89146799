using Lorikeet.Models.Generation;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

public sealed class DeviceDrawsTests
{
    /// <summary>As on a device, and as the chooser draws on the host.</summary>
    [Fact]
    public void Draws_AreThoseOfTheChooser()
    {
        const int rows = 64, vocabulary = 97;
        using var logits = randn(rows, vocabulary, generator: new Generator(7)).Times(3.0);
        var options = new GenerationOptions { Sample = true, TopK = 0, Temperature = 1.7, MaxNewTokens = 1 };
        var chooser = new TokenChooser(options, vocabulary);
        DecodingRow[] all = [.. Enumerable.Range(0, rows)
            .Select(row => new DecodingRow(DecodingRow.KeyOf([row], 0), [row], options, null))];

        Assert.Equal(1.7, chooser.PlainTemperature);
        var drawn = DeviceDraws.Of(
            logits, [.. all.Select(_ => 1.7f)], [.. all.Select(row => (float)chooser.UniformOf(row))]);

        var scratch = new float[vocabulary];
        var expected = all.Select((row, i) => chooser.Choose(logits[i].data<float>().ToArray(), row, scratch));
        Assert.Equal(expected, drawn);
        Assert.True(drawn.Distinct().Count() > 20);
    }

    [Fact]
    public void Row_WithoutADistribution_IsLeftToTheHost()
    {
        using var logits = tensor(new[,] { { 0f, float.NaN, 1f }, { float.NegativeInfinity, 1f, 0f } });

        Assert.Equal([-1, 1], DeviceDraws.Of(logits, [1, 1], [0, 0]));
    }

    [Fact]
    public void Options_ThatChangeTheDistribution_AreDrawnOnTheHost()
    {
        var options = new GenerationOptions { Sample = true, TopK = 50 };

        Assert.Null(new TokenChooser(options, 100).PlainTemperature);
        Assert.Null(new TokenChooser(new GenerationOptions(), 100).PlainTemperature);
    }
}
