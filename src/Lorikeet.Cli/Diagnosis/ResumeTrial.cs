using System.Diagnostics;
using System.Security.Cryptography;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Runs;

namespace Lorikeet.Cli.Diagnosis;

/// <summary>
/// Trains once undisturbed, and again while processes are killed at random moments and others go on in their place:
/// both must end in the same bytes.
/// </summary>
/// <param name="options">The options of the run; folder and resuming are settled here.</param>
/// <param name="folder">An empty folder for the runs.</param>
/// <param name="seed">Decides the moments.</param>
/// <param name="say">Called with what happens, a line at a time.</param>
internal sealed class ResumeTrial(ResolvedOptions options, string folder, long seed, Action<string> say)
{
    private const string Whole = "undisturbed";

    private readonly string _file = Path.Combine(folder, "run.yaml");

    /// <summary>Kills processes until there were so many, and lets the last run come to its end.</summary>
    /// <param name="kills">How many; a run that ends before it is killed is judged, and another begun.</param>
    /// <param name="cancel">Ends the process under way.</param>
    /// <exception cref="CheckpointException">A process failed of itself; its last words are in the message.</exception>
    public ResumeFigures Run(int kills, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(_file, options.ToYaml());
        var clock = Stopwatch.StartNew();
        Train(Whole, after: null, cancel);
        var duration = clock.Elapsed;
        var expected = Digest(Whole);
        say($"Undisturbed it takes {Quantities.Duration(duration.TotalSeconds)} and ends in {expected[..16]}.");

        var digests = new List<string>();
        for (var (sent, tries, number) = (0, 0, 1); ; number++)
        {
            var name = $"killed-{number}";
            while (sent < kills && Train(name, duration * Moment(tries++), cancel))
                say($"Kill {++sent} of {kills}, of {name}: {Stand(name)}.");
            if (sent == kills)
                Train(name, after: null, cancel);
            digests.Add(Digest(name));
            say($"{name} ended in {digests[^1][..16]}, {(digests[^1] == expected ? "the same" : "WHICH DIFFERS")}.");
            if (sent == kills)
                return new ResumeFigures(kills, digests.Count, digests.Count(each => each != expected), expected);
        }
    }

    /// <summary>
    /// When a process is killed, as a share of the undisturbed run's time; another at each try, because later runs may
    /// be quicker than that one and end before.
    /// </summary>
    private double Moment(int attempt) => CounterRandom.Uniform((ulong)seed, RandomPurpose.Fault, (ulong)attempt);

    /// <summary>Goes on with a run in a process of its own; true when it was killed, false when it ended.</summary>
    private bool Train(string name, TimeSpan? after, CancellationToken cancel)
    {
        var start = OwnProgram.With(
        [
            "train", _file, "--output", Path.Combine(folder, name), "--resume_from_checkpoint", "latest",
            "--overwrite_output_dir", "false", "--progress", "none",
        ]);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        using var leaving = cancel.Register(process.Kill);
        var words = process.StandardError.ReadToEndAsync(CancellationToken.None);
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var killed = after is { } moment && !process.WaitForExit(moment);
        if (killed)
            process.Kill(); // SIGKILL, which nothing can answer
        process.WaitForExit();
        cancel.ThrowIfCancellationRequested();
        if (process.ExitCode == 0)
            return false; // it may have been quicker than the signal
        return killed ? true : throw new CheckpointException(
            $"'{name}' failed with exit code {process.ExitCode} of itself, not by a kill. {LastOf(words.Result)}");
    }

    private string Stand(string name)
    {
        var run = new RunFolder(Path.Combine(folder, name));
        return run.Checkpoints.Latest() is { } latest
            ? $"it goes on from step {latest.Step}"
            : "nothing was saved yet";
    }

    /// <summary>SHA-256 of the weights that a run ended in.</summary>
    private string Digest(string name)
    {
        var run = new RunFolder(Path.Combine(folder, name));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        string[] results = [.. ((string[])[run.AdapterFolder, run.ModelFolder]).Where(Directory.Exists)];
        foreach (var file in results
            .SelectMany(each => Directory.EnumerateFiles(each, "*.safetensors")).Order(StringComparer.Ordinal))
            hash.AppendData(File.ReadAllBytes(file));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string LastOf(string text) => text.Trim() is { Length: > 0 } said ? $"It said: {said}" : "";
}

/// <summary>What a trial found.</summary>
/// <param name="Kills">Processes that were killed.</param>
/// <param name="Runs">Runs that came to their end.</param>
/// <param name="Different">Those of them that ended in other bytes than the undisturbed run.</param>
/// <param name="Digest">SHA-256 of the undisturbed run's weights.</param>
internal sealed record ResumeFigures(int Kills, int Runs, int Different, string Digest);
