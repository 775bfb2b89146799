using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Lorikeet.Data;
using Lorikeet.Options;

namespace Lorikeet.Training;

/// <summary>Identifies a trajectory: two runs with equal fingerprints take the same steps.</summary>
internal static class RunFingerprint
{
    /// <summary>Hashes the rows, the adapter's form and how they are learned; not where results go.</summary>
    public static string Of(IReadOnlyList<TrainingRow> rows, TrainingOptions options, int totalSteps)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in rows)
        {
            hash.AppendData(MemoryMarshal.AsBytes<int>(row.Ids));
            hash.AppendData(MemoryMarshal.AsBytes<int>(row.Labels));
        }

        var settings = new
        {
            options.Lora,
            Targets = options.Lora.TargetModules.ToString(),
            Excluded = options.Lora.ExcludeModules?.ToString(),
            Optimization = Undivided(options.Optimization),
            options.Quantization,
            options.Data.Packing,
            options.Data.GroupByLength,
            options.Data.Shuffle,
            options.Data.Sampler,
            options.Data.MaxLength,
            totalSteps,
        };
        hash.AppendData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(settings)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Where memory decides how a step is divided, that is no part of the trajectory.</summary>
    private static OptimizationOptions Undivided(OptimizationOptions options) => options.AutoFindBatchSize
        ? options with { BatchSize = options.BatchSize * options.GradientAccumulation, GradientAccumulation = 1 }
        : options;
}
