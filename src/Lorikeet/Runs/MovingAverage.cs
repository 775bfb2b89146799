namespace Lorikeet.Runs;

/// <summary>An exponential moving average without the pull of its start value (as Adam corrects its moments).</summary>
/// <param name="newest">Weight of the newest value, from 0 to 1: 0.1 looks back over about twenty values.</param>
internal sealed class MovingAverage(double newest)
{
    private double _sum;
    private double _weight;

    /// <summary>The average; null before the first value.</summary>
    public double? Value => _weight > 0 ? _sum / _weight : null;

    /// <summary>Takes a value; NaN and infinity are passed over.</summary>
    public void Add(double value)
    {
        if (!double.IsFinite(value))
            return;
        _sum = (1 - newest) * _sum + newest * value;
        _weight = (1 - newest) * _weight + newest;
    }
}
