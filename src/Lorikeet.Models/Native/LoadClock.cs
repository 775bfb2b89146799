namespace Lorikeet.Models.Native;

/// <summary>What loading spends its time on. The stages overlap, so their sum is more than the whole.</summary>
internal enum LoadStage
{
    /// <summary>Pinned memory, before the first byte is read.</summary>
    Start,

    /// <summary>Bytes from the system's cache or the disk into memory; the mean of the threads that read.</summary>
    Read,

    /// <summary>Those threads waiting for the device to take what they read; their mean.</summary>
    Wait,

    /// <summary>Copies to the device, by its own clock.</summary>
    Copy,

    /// <summary>
    /// Casts and quantization, by the device's clock where it does them; on the CPU, reading is part of it.
    /// </summary>
    Quantize,
}

/// <summary>Adds up the time of each <see cref="LoadStage"/>. Safe to use from several threads.</summary>
internal sealed class LoadClock
{
    private readonly Lock _gate = new();
    private readonly double[] _seconds = new double[Enum.GetValues<LoadStage>().Length];

    public void Add(LoadStage stage, double seconds)
    {
        lock (_gate)
            _seconds[(int)stage] += seconds;
    }

    public double Seconds(LoadStage stage)
    {
        lock (_gate)
            return _seconds[(int)stage];
    }
}
