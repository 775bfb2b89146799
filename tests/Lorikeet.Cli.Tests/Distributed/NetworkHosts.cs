using System.Diagnostics;

namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>
/// Hosts that are network namespaces of this machine: each has a network card, a name and an address of its own, and a
/// switch connects them. Needs the right to make namespaces, as root of a machine or container has it at times.
/// </summary>
internal sealed class NetworkHosts : IDisposable
{
    private const string Network = "10.77.0";

    private readonly string _folder;
    private readonly string _prefix = $"lk{Environment.ProcessId}";
    private readonly int _count;

    /// <summary>Builds the hosts 1 to <paramref name="count"/>.</summary>
    /// <param name="count">How many.</param>
    /// <param name="folder">Where a script for mpirun may lie.</param>
    public NetworkHosts(int count, string folder)
    {
        (_count, _folder) = (count, folder);
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Environment.UserName == "root" && Ip($"netns add {Switch}") == 0,
            "Network namespaces cannot be made here; 'ip netns add' as root does it.");
        Require($"-n {Switch} link add br0 type bridge");
        Require($"-n {Switch} link set br0 up");
        for (var host = 1; host <= count; host++)
        {
            Require($"netns add {Name(host)}");
            Require($"link add eth0 netns {Name(host)} type veth peer name port{host} netns {Switch}");
            Require($"-n {Switch} link set port{host} master br0 up");
            Require($"-n {Name(host)} addr add {Address(host)}/24 dev eth0");
            Require($"-n {Name(host)} link set eth0 up");
            Require($"-n {Name(host)} link set lo up");
        }

        // What mpirun calls in place of ssh: a host's address, then a command.
        File.WriteAllLines(Agent,
        [
            "#!/bin/sh", "host=" + _prefix + "h${1##*.}", "shift",
            "exec ip netns exec $host unshare --uts sh -c \"hostname $host; $*\"",
        ]);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Agent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private string Switch => $"{_prefix}switch";

    private string Agent => Path.Combine(_folder, "agent.sh");

    /// <summary>What a host calls itself.</summary>
    public string Name(int host) => $"{_prefix}h{host}";

    private static string Address(int host) => $"{Network}.{host}";

    /// <summary>mpirun on host 1, a rank on each of the hosts; it is a session of its own.</summary>
    public ProcessStartInfo MpiRun(int hosts, IEnumerable<string> command)
    {
        var mpirun = $"mpirun --allow-run-as-root -np {hosts} --bind-to none --mca plm_rsh_agent {Agent} "
            + $"--host {string.Join(',', Enumerable.Range(1, hosts).Select(host => $"{Address(host)}:1"))} "
            + $"--mca oob_tcp_if_include {Network}.0/24 --mca btl tcp,self --mca btl_tcp_if_include {Network}.0/24 "
            + "--mca mpi_yield_when_idle 1 -x LORIKEET_LIBTORCH -x PATH "
            + string.Join(' ', RankRuns.Environment.Select(one => $"-x {one.Name}={one.Value} "))
            + string.Join(' ', command.Select(word => $"'{word}'"));
        return new ProcessStartInfo(
            "setsid",
            ["ip", "netns", "exec", Name(1), "unshare", "--uts", "sh", "-c", $"hostname {Name(1)}; exec {mpirun}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
    }

    /// <summary>Pulls a host's cable.</summary>
    public void Cut(int host) => Require($"-n {Switch} link set port{host} down");

    /// <summary>Puts it back.</summary>
    public void Mend(int host) => Require($"-n {Switch} link set port{host} up");

    /// <summary>Ends what runs on the hosts, and them.</summary>
    public void Dispose()
    {
        for (var host = 1; host <= _count; host++)
        {
            foreach (var process in Say($"netns pids {Name(host)}").Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Process.Start("kill", ["-KILL", process])!.WaitForExit();
            _ = Ip($"netns del {Name(host)}");
        }

        _ = Ip($"netns del {Switch}");
    }

    private static void Require(string arguments) => Assert.True(Ip(arguments) == 0, $"ip {arguments}");

    private static int Ip(string arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1; // there is no such program
        }
    }

    private static string Say(string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true })!;
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return said;
    }
}
