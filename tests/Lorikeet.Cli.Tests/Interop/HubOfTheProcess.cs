using Lorikeet.Hub.Tests.Serving;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>
/// The variables by which this process finds a hub, until it is disposed. They are the whole process's, so tests that
/// use it run alone.
/// </summary>
[CollectionDefinition(nameof(HubOfTheProcess), DisableParallelization = true)]
public sealed class HubOfTheProcess : IDisposable
{
    private readonly Dictionary<string, string?> _before = [];

    internal HubOfTheProcess(LocalHub hub, string home)
    {
        Set("HF_ENDPOINT", hub.Endpoint.ToString());
        Set("HF_HOME", home);
        Set("HF_HUB_CACHE", null);
        Set("HF_HUB_OFFLINE", null);
    }

    public void Dispose()
    {
        foreach (var (name, value) in _before)
            Environment.SetEnvironmentVariable(name, value);
    }

    private void Set(string name, string? value)
    {
        _before[name] = Environment.GetEnvironmentVariable(name);
        Environment.SetEnvironmentVariable(name, value);
    }
}
