using System.IO.Hashing;
using System.Runtime.InteropServices;
using Lorikeet.Formats;

namespace Lorikeet.Training.Loop;

/// <summary>
/// Identifies a trajectory: two runs with equal fingerprints take the same steps. Its parts are kept apart, so that a
/// difference can be named.
/// </summary>
/// <param name="Base">What <see cref="BaseFingerprint"/> says of the base.</param>
/// <param name="Rows">Hash of the training rows, in order.</param>
/// <param name="Settings">Every option that decides the trajectory, as run.yaml writes it, by name.</param>
internal sealed record RunFingerprint(string Base, string Rows, IReadOnlyDictionary<string, string> Settings)
{
    private const string Steps = "number of steps";

    /// <summary>The fingerprint of a run; where results go is no part of it.</summary>
    public static RunFingerprint Of(TrainingTask task)
    {
        var hash = new XxHash128();
        foreach (var row in task.TrainRows)
        {
            hash.Append(MemoryMarshal.AsBytes<int>(new[] { row.Length }));
            hash.Append(MemoryMarshal.AsBytes<int>(row.Ids));
            hash.Append(MemoryMarshal.AsBytes<int>(row.Labels));
            if (row.Preference is var (prompt, rejected, isDesirable))
                hash.Append(MemoryMarshal.AsBytes<int>(new[] { prompt, rejected ?? -1, isDesirable ? 1 : 0 }));
        }

        task.Rollouts?.AppendTo(hash);
        return new RunFingerprint(
            task.BaseFingerprint, Checksum.Digits(hash), new Dictionary<string, string>(task.Settings)
            {
                [Steps] = $"{task.TotalSteps}",
            });
    }

    /// <summary>
    /// In what this run, which is to go on from another's checkpoint, differs from it; empty in nothing.
    /// </summary>
    public IReadOnlyList<string> DifferencesFrom(RunFingerprint before)
    {
        var differences = new List<string>();
        if (Base != before.Base)
            differences.Add("the base has other weights");
        if (Rows != before.Rows)
            differences.Add("the training rows are others (data, prompt format, tokenizer or order)");
        foreach (var name in Settings.Keys.Union(before.Settings.Keys).Order(StringComparer.Ordinal))
        {
            var (was, now) = (
                before.Settings.GetValueOrDefault(name, "unknown"), Settings.GetValueOrDefault(name, "unknown"));
            if (was != now)
                differences.Add($"{name} was {was} and is {now}");
        }

        return differences;
    }
}
