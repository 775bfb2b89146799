using Lorikeet.Models.Benchmarks;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>What is measured: a model of random weights, made in place, or one that is loaded.</summary>
internal sealed record BenchOptions
{
    /// <summary>What is measured, and on what.</summary>
    public BenchmarkOptions Run { get; init; } = new();

    /// <summary>What clients of a server ask.</summary>
    public LoadOptions Load { get; init; } = new();

    /// <summary>What is measured, and what clients of a server ask.</summary>
    public void Deconstruct(out BenchmarkOptions run, out LoadOptions load) => (run, load) = (Run, Load);
}
