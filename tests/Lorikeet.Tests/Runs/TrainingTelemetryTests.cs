using System.Diagnostics;
using System.Diagnostics.Metrics;
using Lorikeet.Runs;

namespace Lorikeet.Tests.Runs;

public sealed class TrainingTelemetryTests
{
    [Fact]
    public void WhoListens_HearsEveryStepAndTheRunAsOneTrace()
    {
        var name = $"run-{Guid.NewGuid()}";
        var measured = new List<(string Name, double Value)>();
        using var meters = new MeterListener();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == TrainingTelemetry.Source)
                listener.EnableMeasurementEvents(instrument);
        };
        meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        meters.Start();
        var ended = new List<Activity>();
        using var traces = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TrainingTelemetry.Source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if ((string?)activity.GetTagItem("run") == name)
                    ended.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(traces);

        using (var telemetry = new TrainingTelemetry(name))
        {
            foreach (var happened in RecordedRun.Events())
                telemetry.Observe(happened);
        }

        Assert.Equal(
            Enumerable.Range(1, 40).Select(step => RecordedRun.Step(step).Loss),
            measured.Where(one => one.Name == "lorikeet.train.loss").Select(one => one.Value));
        Assert.Equal(40, measured.Where(one => one.Name == "lorikeet.train.steps").Sum(one => one.Value));
        Assert.Equal(1_200 * 40, measured.Where(one => one.Name == "lorikeet.train.tokens").Sum(one => one.Value));
        Assert.Equal(1, measured.Last(one => one.Name == "lorikeet.train.progress").Value);
        var trace = Assert.Single(ended);
        Assert.Equal("completed", trace.GetTagItem("reason"));
        Assert.Equal(2, trace.Events.Count(happened => happened.Name == "checkpoint"));

        void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (var tag in tags)
            {
                if (Equals(tag.Value, name))
                    measured.Add((instrument.Name, value));
            }
        }
    }
}
