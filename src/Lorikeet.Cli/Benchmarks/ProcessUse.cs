using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>What this process holds, looked at every now and then.</summary>
internal sealed class ProcessUse
{
    private readonly List<double> _memory = [];
    private readonly List<double> _handles = [];
    private readonly List<double> _threads = [];

    /// <summary>Looks.</summary>
    /// <returns>What it saw, in words.</returns>
    public string Look()
    {
        using var process = Process.GetCurrentProcess();
        _memory.Add(Math.Round(process.WorkingSet64 / 1e6));
        _handles.Add(process.HandleCount);
        _threads.Add(process.Threads.Count);
        return $"{_memory[^1]} MB, {_handles[^1]} handles, {_threads[^1]} threads";
    }

    /// <summary>
    /// Adds all that was seen, in order, and by how much the mean of the last quarter is above that of the second. The
    /// first quarter is left out, in which code is compiled and pools are filled.
    /// </summary>
    public void AddTo(JsonObject report)
    {
        foreach (var (name, seen) in new[] { ("memory_mb", _memory), ("handles", _handles), ("threads", _threads) })
        {
            report[name] = new JsonArray([.. seen.Select(value => (JsonNode)value)]);
            var quarter = seen.Count / 4;
            if (quarter > 0)
                report[name + "_growth"] = Math.Round(
                    seen.TakeLast(quarter).Average() - seen.Skip(quarter).Take(quarter).Average(), 1);
        }
    }
}
