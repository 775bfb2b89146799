using Lorikeet.Fuzz.Mutation;

namespace Lorikeet.Fuzz.Targets;

/// <summary>A reader of what comes from elsewhere.</summary>
/// <param name="Name">Its name; also that of the folder of its seeds, up to the first dot.</param>
/// <param name="Mutator">How its inputs are changed.</param>
/// <param name="Run">Reads an input; throws a <see cref="LorikeetException"/> for what it refuses.</param>
internal sealed record Target(string Name, Mutator Mutator, Action<byte[], Workplace> Run)
{
    private readonly Lazy<IReadOnlyList<byte[]>> _seeds = new(() => ReadSeeds(Name.Split('.')[0]));

    /// <summary>Small valid inputs.</summary>
    public IReadOnlyList<byte[]> Seeds => _seeds.Value;

    /// <summary>Every reader there is.</summary>
    public static IReadOnlyList<Target> All { get; } =
    [
        .. WeightTargets.All, .. TextTargets.All, .. SettingTargets.All, .. DataTargets.All, .. RequestTargets.All,
    ];

    public static Target Find(string name) => All.FirstOrDefault(target => target.Name == name)
        ?? throw new ArgumentException($"'{name}' is none of {string.Join(", ", All.Select(target => target.Name))}.");

    /// <summary>An input: the seeds themselves first, then mutations of them.</summary>
    public byte[] Input(int seed, long number)
    {
        if (number < _seeds.Value.Count)
            return _seeds.Value[(int)number];
        var mixed = (ulong)seed * 0x9E3779B97F4A7C15 + (ulong)number * 0xD1B54A32D192ED03;
        return Mutator.Mutate(new Random((int)(mixed >> 32) ^ (int)mixed), _seeds.Value);
    }

    private static List<byte[]> ReadSeeds(string name) =>
    [
        .. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Seeds", name))
            .Order(StringComparer.Ordinal).Select(File.ReadAllBytes),
    ];
}
