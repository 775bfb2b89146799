using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>Fills tensors with random numbers that depend on a key alone, on the tensor's device.</summary>
internal static class KeyedRandom
{
    private static readonly Lock s_seeding = new();

    /// <summary>Ones with probability <paramref name="p"/>, else zeros.</summary>
    public static Tensor Bernoulli(Tensor target, double p, ulong key) =>
        Draw(target, key, generator => generator is null ? target.bernoulli_(p) : target.bernoulli_(p, generator));

    /// <summary>Uniform numbers in [low, high).</summary>
    public static Tensor Uniform(Tensor target, double low, double high, ulong key) =>
        Draw(target, key,
            generator => generator is null ? target.uniform_(low, high) : target.uniform_(low, high, generator));

    /// <summary>Normal numbers with mean 0.</summary>
    public static Tensor Normal(Tensor target, double deviation, ulong key) =>
        Draw(target, key,
            generator => generator is null ? target.normal_(0, deviation) : target.normal_(0, deviation, generator));

    private static Tensor Draw(Tensor target, ulong key, Func<Generator?, Tensor> draw)
    {
        if (target.device_type == DeviceType.CPU)
        {
            using var generator = new Generator(key, CPU);
            return draw(generator);
        }

        // TorchSharp makes generators for the CPU whatever device it is given; the device's own one, which all threads
        // share, is seeded instead.
        lock (s_seeding)
        {
            cuda.manual_seed(unchecked((long)key));
            return draw(null);
        }
    }
}
