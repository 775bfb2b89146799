using Lorikeet.Hub.Transport;

namespace Lorikeet;

/// <summary>What loading a model is doing.</summary>
public enum LoadPhase
{
    /// <summary>Files come from the hub; the unit is the byte.</summary>
    Downloading,

    /// <summary>Weights are read, converted and quantized; the unit is the layer.</summary>
    Loading,
}

/// <summary>How far loading a model is.</summary>
/// <param name="Phase">What is being done.</param>
/// <param name="Done">Units done: bytes or layers.</param>
/// <param name="Total">Units in all; 0 where the hub does not say how many bytes come.</param>
public readonly record struct LoadProgress(LoadPhase Phase, long Done, long Total);

/// <summary>A download from the hub, as a part of loading.</summary>
internal sealed class DownloadProgress(IProgress<LoadProgress> progress) : IProgress<HubProgress>
{
    public void Report(HubProgress value) =>
        progress.Report(new LoadProgress(LoadPhase.Downloading, value.BytesDone, value.BytesTotal ?? 0));
}
