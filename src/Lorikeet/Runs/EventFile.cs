using System.Buffers.Binary;
using System.Numerics;
using Google.Protobuf;
using Lorikeet.Formats;
using Tensorboard;

namespace Lorikeet.Runs;

/// <summary>
/// A TensorBoard event file: TFRecord frames around the protocol buffers that TorchSharp ships. TorchSharp's own
/// SummaryWriter is not used because it needs the native library for its checksum, opens the file anew for each value,
/// and keeps times to the second only.
/// </summary>
/// <remarks>
/// A frame is length (8 bytes), masked CRC-32C of those bytes, the message, masked CRC-32C of the message, all little
/// endian. Each frame is handed to the system whole, so a reader meets at most one that is cut short, at the end.
/// </remarks>
internal sealed class EventFile : IDisposable
{
    private const string Version = "brain.Event:2";
    private static int _filesOfThisProcess;

    private readonly FileStream _file;
    private readonly TimeProvider _clock;

    /// <summary>Begins a new file in the folder, under the name TensorBoard looks for.</summary>
    /// <param name="folder">Created when missing; TensorBoard reads its files in the order of their names.</param>
    /// <param name="clock">Gives each event its wall time.</param>
    public EventFile(string folder, TimeProvider clock)
    {
        _clock = clock;
        var number = Interlocked.Increment(ref _filesOfThisProcess) - 1;
        var name = $"events.out.tfevents.{clock.GetUtcNow().ToUnixTimeSeconds():D10}.{Environment.MachineName}."
            + $"{Environment.ProcessId}.{number}";
        _file = StorageFault.Writing(folder, () =>
        {
            Directory.CreateDirectory(folder);
            return new FileStream(
                Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        });
        Write(new Event { FileVersion = Version });
    }

    /// <summary>Adds one number to the series <paramref name="tag"/>.</summary>
    public void AddScalar(string tag, double value, int step) =>
        Add(new Summary.Types.Value { Tag = tag, SimpleValue = (float)value }, step);

    /// <summary>Adds text; TensorBoard shows it as Markdown.</summary>
    public void AddText(string tag, string text, int step)
    {
        // The shape of torch.utils.tensorboard's add_text: a string tensor of one element for the 'text' plug-in.
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dim { Size = 1 });
        var tensor = new TensorProto { Dtype = DataType.DtString, TensorShape = shape };
        tensor.StringVal.Add(ByteString.CopyFromUtf8(text));
        var plugin = new SummaryMetadata.Types.PluginData { PluginName = "text" };
        Add(new Summary.Types.Value
        {
            Tag = tag + "/text_summary",
            Metadata = new SummaryMetadata { PluginData = plugin },
            Tensor = tensor,
        }, step);
    }

    /// <summary>Makes TensorBoard discard what earlier files say about this step and later ones.</summary>
    public void Purge(int fromStep) => Write(new Event
    {
        Step = fromStep,
        SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start },
    });

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private void Add(Summary.Types.Value value, int step)
    {
        var summary = new Summary();
        summary.Value.Add(value);
        Write(new Event { Step = step, Summary = summary });
    }

    private void Write(Event written)
    {
        written.WallTime = (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
        var message = written.ToByteArray();
        var frame = new byte[message.Length + 16];
        BinaryPrimitives.WriteInt64LittleEndian(frame, message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(8), MaskedChecksum(frame.AsSpan(0, 8)));
        message.CopyTo(frame, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(12 + message.Length), MaskedChecksum(message));
        StorageFault.Writing(_file.Name, () => _file.Write(frame));
    }

    // TFRecord masks its checksums so that a checksum of data that holds checksums stays strong.
    private static uint MaskedChecksum(ReadOnlySpan<byte> data)
    {
        var checksum = uint.MaxValue;
        foreach (var value in data)
            checksum = BitOperations.Crc32C(checksum, value);
        return BitOperations.RotateRight(~checksum, 15) + 0xa282ead8;
    }
}
