using Lorikeet.Training.Planning;

namespace Lorikeet.Tests.Planning;

public sealed class GemmRateTests
{
    [Theory]
    [InlineData(0.05e9)] // bfloat16 on a processor that has to emulate it
    [InlineData(0.26e9)]
    [InlineData(50e9)]
    [InlineData(900e12)]
    public void Measuring_FindsTheRateInLessThanTwoSecondsOnAnyMachine(double rate)
    {
        var spent = 0.0;
        double Product(long size)
        {
            var seconds = 2.0 * size * size * size / rate;
            spent += seconds;
            return seconds;
        }

        Assert.Equal(rate, GemmRate.Measure(Product, largest: 2048, repetitions: 5), rate * 1e-9);
        Assert.InRange(spent, 0, 2);
    }
}
