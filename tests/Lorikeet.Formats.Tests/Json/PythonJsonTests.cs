using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;

namespace Lorikeet.Formats.Tests.Json;

public sealed class PythonJsonTests
{
    // Python 3: [repr(x) for x in ...]
    [Theory]
    [InlineData(6, "6.0")]
    [InlineData(0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(0.1, "0.1")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(1e-5, "1e-05")]
    [InlineData(1.5e-7, "1.5e-07")]
    [InlineData(500000, "500000.0")]
    [InlineData(1e15, "1000000000000000.0")]
    [InlineData(1234567890123456.5, "1234567890123456.5")]
    [InlineData(1e16, "1e+16")]
    [InlineData(1.2345678901234568e17, "1.2345678901234568e+17")]
    [InlineData(1e100, "1e+100")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(1.7976931348623157e308, "1.7976931348623157e+308")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.NegativeInfinity, "-Infinity")]
    public void AFloatIsWrittenAsPythonsRepr(double value, string expected) =>
        Assert.Equal(expected, PythonNumbers.Write(value));

    [Fact]
    public void FloatsAndIntegersAreToldApart_AndTextIsAscii()
    {
        var node = new JsonObject
        {
            ["threshold"] = 6.0,
            ["bits"] = 6,
            ["on"] = true,
            ["none"] = null,
            ["name"] = "é\"\\\n\u007f😀",
            ["empty"] = new JsonArray(),
            ["list"] = new JsonArray(1L, 2f),
            ["inner"] = new JsonObject { ["a"] = double.NaN },
        };

        Assert.Equal(
            """
            {
              "threshold": 6.0,
              "bits": 6,
              "on": true,
              "none": null,
              "name": "\u00e9\"\\\n\u007f\ud83d\ude00",
              "empty": [],
              "list": [
                1,
                2.0
              ],
              "inner": {
                "a": NaN
              }
            }

            """.ReplaceLineEndings("\n"),
            PythonJson.Indented(node));
        Assert.Equal("""{"a": [1, 2.5], "b": {}}""", PythonJson.Line(new JsonObject
        {
            ["a"] = new JsonArray(1, 2.5),
            ["b"] = new JsonObject(),
        }));
    }

    [Fact]
    public void WhatWasReadKeepsItsText_WhenItIsWrittenAgain()
    {
        const string Text =
            """{"eps": 1e-05, "long": 1.00, "big": 123456789012345678901234567890, "n": [NaN, -Infinity], "s": "\u00e9 é \/"}""";

        var read = JsonSetting.Parse(Text, new JsonOrigin("config.json")).ToObject();
        read["new"] = 0.0;

        Assert.Equal(Text[..^1] + """, "new": 0.0}""", PythonJson.Line(read));
        Assert.Equal(Text[..^1] + """, "new": 0.0}""", PythonJson.Line(read.DeepClone()));
    }
}
