using Lorikeet.Formats;

namespace Lorikeet.Tests.Runs;

public sealed class QuantitiesTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(999, "999")]
    [InlineData(6_430_208, "6.43 M")]
    [InlineData(999_950, "1.00 M")]
    [InlineData(12_345, "12.3 K")]
    [InlineData(1_100_048_384, "1.10 B")]
    [InlineData(69_976_576_000, "70.0 B")]
    public void Magnitude_HasThreeDigits(long value, string expected) =>
        Assert.Equal(expected, Quantities.Magnitude(value));

    [Theory]
    [InlineData(17, "17 B")]
    [InlineData(1024, "1.00 KiB")]
    [InlineData(1_572_864, "1.50 MiB")]
    [InlineData(149_250_000_000, "139 GiB")]
    public void Bytes_AreBinary(long value, string expected) => Assert.Equal(expected, Quantities.Bytes(value));

    [Theory]
    [InlineData(0.123, "0.12 s")]
    [InlineData(9.996, "10.0 s")]
    [InlineData(59.96, "1:00")]
    [InlineData(3723, "1:02:03")]
    [InlineData(double.NaN, "?")]
    public void Duration_GrowsFromSecondsToHours(double seconds, string expected) =>
        Assert.Equal(expected, Quantities.Duration(seconds));

    [Theory]
    [InlineData(7.4, "0:07")]
    [InlineData(59.6, "1:00")]
    [InlineData(273_900, "3 d 04:05")]
    [InlineData(double.PositiveInfinity, "?")]
    public void Clock_CountsInWholeSeconds(double seconds, string expected) =>
        Assert.Equal(expected, Quantities.Clock(seconds));

    [Theory]
    [InlineData(2e-4, "2.00e-04")]
    [InlineData(0, "0")]
    public void Rate_IsScientific(double rate, string expected) => Assert.Equal(expected, Quantities.Rate(rate));
}
