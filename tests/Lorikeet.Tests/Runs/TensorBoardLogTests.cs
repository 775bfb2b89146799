using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;
using Tensorboard;

namespace Lorikeet.Tests.Runs;

public sealed class TensorBoardLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SteppingClock _clock = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tags_AreThoseOfTransformers()
    {
        var tags = EventFileReader.Scalars(Record(RecordedRun.Events())).Select(scalar => scalar.Tag).ToHashSet();

        string[] ofTransformers =
        [
            "train/loss", "train/grad_norm", "train/learning_rate", "train/epoch", "eval/loss", "eval/runtime",
            "eval/samples_per_second", "train/train_loss", "train/train_runtime", "train/train_samples_per_second",
            "train/train_steps_per_second",
        ];
        Assert.Empty(ofTransformers.Except(tags));
    }

    [Fact]
    public void Loss_IsTheMeanOverTheStepsSinceTheLastReport()
    {
        var losses = EventFileReader.Scalars(Record(RecordedRun.Events(), loggingSteps: 10))
            .Where(scalar => scalar.Tag == "train/loss").ToList();

        Assert.Equal([10, 20, 30, 40], losses.Select(loss => loss.Step));
        var expected = Enumerable.Range(11, 10).Average(step => RecordedRun.Step(step).Loss);
        Assert.Equal(expected, losses[1].Value, 1e-6);
    }

    [Fact]
    public void Totals_CountTheRowsAndStepsOfTheRun()
    {
        var totals = EventFileReader.Scalars(Record(RecordedRun.Events())).Where(scalar => scalar.Step == 40)
            .ToLookup(scalar => scalar.Tag, scalar => scalar.Value);

        Assert.Equal(1280 / 9.25, totals["train/train_samples_per_second"].Single(), 1e-3);
        Assert.Equal(40 / 9.25, totals["train/train_steps_per_second"].Single(), 1e-3);
        Assert.Equal(120, totals["eval/samples_per_second"].Single(), 1e-3);
    }

    [Fact]
    public void Text_IsAStringTensorForTheTextPlugin()
    {
        var text = Record(RecordedRun.Events()).Where(logged => logged.Summary is not null)
            .SelectMany(logged => logged.Summary.Value).Single(value => value.Tag == "args/text_summary");

        Assert.Equal("text", text.Metadata.PluginData.PluginName);
        Assert.Equal(DataType.DtString, text.Tensor.Dtype);
        Assert.Equal("{\"seed\": 42, \"note\": \"tiếng Việt\"}", text.Tensor.StringVal.Single().ToStringUtf8());
    }

    [Fact]
    public void File_BeginsWithItsVersionAndKeepsTheTimeExactly()
    {
        _clock.Advance(TimeSpan.FromMilliseconds(125));
        var first = Record(RecordedRun.Events())[0];

        Assert.Equal("brain.Event:2", first.FileVersion);
        Assert.Equal(1795472100.125, first.WallTime, 1e-3);
    }

    [Fact]
    public void Resume_AddsAFileThatPurgesTheStepsAfterTheCheckpoint()
    {
        Record(RecordedRun.Events(lastStep: 37));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Record(RecordedRun.Events(firstStep: 20));

        var files = Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(2, files.Count);
        var restart = EventFileReader.Read(files[1])[1];
        Assert.Equal(SessionLog.Types.SessionStatus.Start, restart.SessionLog.Status);
        Assert.Equal(21, restart.Step);
        Assert.DoesNotContain(EventFileReader.Read(files[0]), logged => logged.SessionLog is not null);
    }

    private List<Event> Record(IEnumerable<TrainingEvent> events, int loggingSteps = 1)
    {
        var settings = new TensorBoardSettings("{\"seed\": 42, \"note\": \"tiếng Việt\"}", "{}", loggingSteps);
        using (var log = new TensorBoardLog(_folder.Path, settings, _clock))
        {
            foreach (var recorded in events)
                log.Observe(recorded);
        }

        return EventFileReader.Read(Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal).Last());
    }
}
