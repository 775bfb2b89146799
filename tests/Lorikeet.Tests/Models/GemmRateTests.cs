using Lorikeet.Models.Benchmarks;

namespace Lorikeet.Tests.Models;

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

    [Fact]
    public void LoadingKernelsOfASize_IsNotTakenForTheTimeOfItsProducts()
    {
        const double Rate = 700e12;
        var seen = new HashSet<long>();
        double Product(long size) => 2.0 * size * size * size / Rate + (seen.Add(size) ? 0.3 : 0);

        Assert.Equal(Rate, GemmRate.Measure(Product, largest: 8192, repetitions: 5), Rate * 1e-9);
        Assert.Contains(8192, seen);
    }
}
