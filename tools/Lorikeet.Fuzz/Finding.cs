using Lorikeet.Fuzz.Targets;

namespace Lorikeet.Fuzz;

/// <summary>A finding: the input and what happened.</summary>
internal static class Finding
{
    /// <summary>An input of the mutator.</summary>
    public static void Write(string folder, Target target, int seed, long number, byte[] input, string what) =>
        Write(folder, $"{target.Name}-{seed}-{number}", input, what);

    /// <summary>An input of whatever origin.</summary>
    public static void Write(string folder, string name, byte[] input, string what)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(path + ".txt", what);
        File.WriteAllBytes(path + ".bin", input);
    }
}
