namespace Lorikeet.Models.Benchmarks;

/// <summary>
/// What <see cref="LoadingBenchmark"/> measured. Seconds of stages are those of the median load; stages overlap.
/// </summary>
public sealed record LoadingFigures
{
    /// <summary>The checkpoint as it was named, or the shape.</summary>
    public required string Model { get; init; }

    /// <summary>Type that the weights were loaded as, such as <c>bfloat16</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The device's name.</summary>
    public required string Device { get; init; }

    /// <summary>Seconds of the median load.</summary>
    public required double Seconds { get; init; }

    /// <summary>Seconds of the first load, which may have come from the disk.</summary>
    public required double FirstSeconds { get; init; }

    /// <summary>Seconds of the fastest load.</summary>
    public required double BestSeconds { get; init; }

    /// <summary>Bytes of the weights on disk.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>Bytes from the system's cache or the disk into memory; the mean of the threads that read.</summary>
    public required double ReadSeconds { get; init; }

    /// <summary>Those threads waiting for the device to take what they read; their mean.</summary>
    public required double WaitSeconds { get; init; }

    /// <summary>Copies to the device, by its own clock.</summary>
    public required double CopySeconds { get; init; }

    /// <summary>
    /// Casts and quantization, by the device's clock where it does them; on a CPU, reading is part of it.
    /// </summary>
    public required double QuantizeSeconds { get; init; }

    /// <summary>Pinned memory, before the first byte is read.</summary>
    public required double StartSeconds { get; init; }

    /// <summary>Bytes of the loaded weights.</summary>
    public required long ModelBytes { get; init; }

    /// <summary>Most bytes of host memory that a load took, files that are mapped left out.</summary>
    public required long HostGrowth { get; init; }

    /// <summary>Most bytes of host memory that the process has held.</summary>
    public required long HostPeak { get; init; }

    /// <summary>Most bytes of a GPU in use during a load; 0 on a CPU.</summary>
    public required long DevicePeak { get; init; }
}
