using Microsoft.Extensions.Logging;

namespace Lorikeet.Studio.Work;

/// <summary>Tells the studio's owner of faults that no page could show.</summary>
/// <param name="report">Hears of them.</param>
internal sealed class FaultLog(Action<string> report) : ILoggerProvider, ILogger
{
    // The host logs what keeps it from starting, such as a port in use, and throws it too.
    private const string ThrownToTheCaller = "HostedServiceStartupFaulted";

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel) && eventId.Name != ThrownToTheCaller)
            report(exception is null ? formatter(state, exception) : exception.ToString());
    }

    public void Dispose()
    {
    }
}
