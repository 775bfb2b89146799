using SharpFuzz;

namespace Lorikeet.Fuzz.Guided;

/// <summary>A copy of this program in which our own libraries count the branches that they take.</summary>
internal static class InstrumentedCopy
{
    /// <summary>Makes it anew.</summary>
    /// <returns>The path of the program.</returns>
    public static string Make(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(AppContext.BaseDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        var program = Path.Combine(folder, Path.GetFileName(typeof(InstrumentedCopy).Assembly.Location));
        foreach (var library in Directory.EnumerateFiles(folder, "Lorikeet*.dll").Where(file => file != program))
            Fuzzer.Instrument(library, _ => true, Options.Value);
        return program;
    }
}
