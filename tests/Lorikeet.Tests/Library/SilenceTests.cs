using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using System.Net.Sockets;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Library;

/// <summary>"No telemetry of our own": a training with local files asks nothing of any network.</summary>
public sealed class SilenceTests
{
    [Fact]
    public async Task Training_OpensNoSocket_ResolvesNoName_AndSendsNoRequest()
    {
        using var folder = new TemporaryFolder();
        using var trap = new NetworkTrap();
        using (trap.Arm())
        {
            using var model = TrainedModel.Load();
            using var data = TrainedModel.Data();
            var options = TrainedModel.Options(steps: 2);
            using var run = new TrainingRun(
                folder["run"], model, data,
                options with { Output = options.Output with { ReportTo = [MetricSink.TensorBoard] } });
            await run.TrainAsync(cancellation: TestContext.Current.CancellationToken);
            TrainedModel.Answer(model);
        }

        Assert.Empty(trap.Caught);
    }

    /// <summary>That the trap can catch something is what makes the other test one.</summary>
    [Fact]
    public async Task Trap_CatchesASocket_AlsoOnAnotherThread()
    {
        using var trap = new NetworkTrap();
        using (trap.Arm())
        {
            await Task.Run(() =>
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                Assert.ThrowsAny<SocketException>(() => socket.Connect("127.0.0.1", 1));
            }, TestContext.Current.CancellationToken);
        }

        Assert.Contains(trap.Caught, name => name.StartsWith("System.Net.Sockets", StringComparison.Ordinal));
    }

    /// <summary>
    /// Listens to .NET's own event sources of sockets, names and HTTP; what other tests do meanwhile is not counted,
    /// for events are raised in the flow of control that causes them.
    /// </summary>
    private sealed class NetworkTrap : EventListener
    {
        private static readonly AsyncLocal<bool> s_isArmed = new();
        private static readonly string[] s_sources =
            ["System.Net.Sockets", "System.Net.NameResolution", "System.Net.Http", "System.Net.Security"];

        public ConcurrentQueue<string> Caught { get; } = [];

        public IDisposable Arm()
        {
            s_isArmed.Value = true;
            return new Armed();
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (s_sources.Contains(eventSource.Name))
                EnableEvents(eventSource, EventLevel.Verbose);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (s_isArmed.Value && eventData.EventName != "EventCounters")
                Caught?.Enqueue($"{eventData.EventSource.Name} {eventData.EventName}");
        }

        private sealed class Armed : IDisposable
        {
            public void Dispose() => s_isArmed.Value = false;
        }
    }
}
