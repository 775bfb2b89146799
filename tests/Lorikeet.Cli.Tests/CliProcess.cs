using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Lorikeet.Cli.Tests;

/// <summary>Runs the built program as a process of its own, as a user does.</summary>
internal static partial class CliProcess
{
    /// <summary>
    /// Whether whoever started the tests has them ignore SIGINT, as shells do with jobs in the background.
    /// </summary>
    public static bool IgnoresInterrupts
    {
        get
        {
            const string status = "/proc/self/status", ignored = "SigIgn:";
            if (!File.Exists(status))
                return false;
            var line = File.ReadLines(status).First(line => line.StartsWith(ignored, StringComparison.Ordinal));
            var signals = Convert.ToUInt64(line[ignored.Length..].Trim(), 16);
            return (signals >> (2 - 1) & 1) != 0; // SIGINT is 2; the first bit is signal 1
        }
    }

    /// <summary>Runs it to its end.</summary>
    public static CliResult Run(params string[] arguments) => RunIn(Directory.GetCurrentDirectory(), [], arguments);

    /// <summary>Runs it in a folder, with environment variables.</summary>
    public static CliResult RunIn(
        string folder, IEnumerable<(string Name, string Value)> environment, params string[] arguments)
    {
        var start = Describe(folder, arguments);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CliResult(process.ExitCode, output, error.Result);
    }

    /// <summary>Starts it and lets it run; what it says is dropped.</summary>
    public static Process Start(string folder, params string[] arguments)
    {
        var process = Process.Start(Describe(folder, arguments))!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Starts it and hands over each line that it says on standard error; its output is dropped.</summary>
    public static Process Start(string folder, Action<string> hear, params string[] arguments) =>
        Start(folder, [], hear, arguments);

    /// <summary>The same with environment variables.</summary>
    public static Process Start(
        string folder, IEnumerable<(string Name, string Value)> environment, Action<string> hear,
        params string[] arguments)
    {
        var process = new Process { StartInfo = Describe(folder, arguments) };
        foreach (var (name, value) in environment)
            process.StartInfo.Environment[name] = value;
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null)
                hear(line.Data);
        };
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Sends a process a signal.</summary>
    public static void Send(Process process, Signal signal) => _ = Kill(process.Id, (int)signal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    /// <summary>
    /// The program in its own folder: beside the tests lie only the libraries that the tests need.
    /// <c>LORIKEET_PROGRAM</c> names another, such as a published one where there is no SDK.
    /// </summary>
    public static string Program
    {
        get
        {
            if (Environment.GetEnvironmentVariable("LORIKEET_PROGRAM") is { Length: > 0 } named)
                return Path.GetFullPath(named);
            var tests = new DirectoryInfo(AppContext.BaseDirectory);
            return Path.Combine(tests.Parent!.Parent!.FullName, "Lorikeet.Cli", tests.Name, "Lorikeet.Cli.dll");
        }
    }

    /// <summary>How it is started.</summary>
    public static ProcessStartInfo Describe(string folder, params string[] arguments)
    {
        var isLibrary = Path.GetExtension(Program) == ".dll";
        return new ProcessStartInfo(isLibrary ? "dotnet" : Program, isLibrary ? [Program, .. arguments] : arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
    }
}

/// <summary>What ends a process, by its number.</summary>
internal enum Signal
{
    /// <summary>Ctrl+C.</summary>
    Interrupt = 2,

    /// <summary>The end that nothing can answer.</summary>
    Kill = 9,

    /// <summary>What containers and schedulers send first.</summary>
    Terminate = 15,
}
