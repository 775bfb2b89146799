namespace Lorikeet.Training.Planning;

/// <summary>
/// What connects ranks: what a rank sends or receives in a second at best, and how long a message takes.
/// </summary>
/// <param name="Name">As <c>--interconnect</c> names it.</param>
/// <param name="BytesPerSecond">One way.</param>
/// <param name="Latency">Seconds of one hop.</param>
/// <param name="IsPerNode">Whether the GPUs of a machine share it.</param>
public sealed record Interconnect(string Name, double BytesPerSecond, double Latency, bool IsPerNode)
{
    // Rates are those of the links, times what collective operations reach of them (docs/scale.md).
    private const double Reached = 0.8;

    /// <summary>NVLink 4 of an H100 or H200 host.</summary>
    public static Interconnect NvLink { get; } = new("nvlink", 450e9 * Reached, 6e-6, IsPerNode: false);

    /// <summary>Those that can be named, fastest first.</summary>
    public static IReadOnlyList<Interconnect> All { get; } =
    [
        NvLink,
        new("pcie5", 50e9 * Reached, 10e-6, IsPerNode: false),
        new("ndr400x8", 8 * 50e9 * Reached, 8e-6, IsPerNode: true),
        new("400gbe", 50e9 * Reached, 15e-6, IsPerNode: true),
        new("100gbe", 12.5e9 * Reached, 20e-6, IsPerNode: true),
        new("25gbe", 3.125e9 * Reached, 25e-6, IsPerNode: true),
        new("10gbe", 1.25e9 * Reached, 30e-6, IsPerNode: true),
    ];

    /// <summary>The one of a name.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public static Interconnect Find(string name) =>
        All.FirstOrDefault(one => string.Equals(one.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ConfigurationException(
            $"'{name}' is no interconnect. Expected {string.Join(", ", All.Select(one => one.Name))}.");
}
