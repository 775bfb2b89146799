using Lorikeet.Models.Benchmarks;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>What is measured: a model of random weights, made in place, or one that is loaded.</summary>
internal sealed record BenchOptions
{
    /// <summary>What is measured, and on what.</summary>
    public BenchmarkOptions Run { get; init; } = new();
}
