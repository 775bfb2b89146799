using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native;

/// <summary>Memory that was asked for and not there, which libtorch and CUDA tell apart by their words alone.</summary>
public static class FailedAllocation
{
    private static readonly string[] s_words =
    [
        "out of memory", // CUDA, libtorch's allocators on it
        "not enough memory", "can't allocate memory", // libtorch on CPUs
        "bad_alloc",
        "cuBLAS failed with status 3", "cuBLASLt failed with status 3", "CUBLAS_STATUS_ALLOC_FAILED",
    ];

    /// <summary>Whether a fault is one; what an error of Lorikeet's wraps is not looked at.</summary>
    /// <param name="fault">What was thrown.</param>
    public static bool Is(Exception fault) => fault is OutOfMemoryException
        || fault is ExternalException or DeviceException { InnerException: null }
            && s_words.Any(words => fault.Message.Contains(words, StringComparison.OrdinalIgnoreCase));

    /// <summary>The error that says so and what to do.</summary>
    /// <param name="fault">One that <see cref="Is"/> recognises.</param>
    /// <param name="place">Where it was, as the beginning of a sentence.</param>
    public static DeviceException Explain(Exception fault, string place = "The command")
    {
        var said = fault.Message.AsSpan().Trim();
        if (said.IndexOfAny('\r', '\n') is var end and >= 0)
            said = said[..end];
        return new DeviceException(
            $"{place} needed more memory than there is ({said.TrimEnd('.')}). Lower per_device_train_batch_size or "
            + "max_length, set gradient_checkpointing, quantize the base (quantization nf4), or end what else uses the "
            + "device; 'plan' says what a run needs.",
            fault);
    }
}
