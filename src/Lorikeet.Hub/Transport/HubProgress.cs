namespace Lorikeet.Hub.Transport;

/// <summary>How far a download or upload is.</summary>
/// <param name="File">The file in work, by its path in the repository.</param>
/// <param name="FilesDone">Files that are complete.</param>
/// <param name="FileCount">Files in all.</param>
/// <param name="BytesDone">Bytes of the files that this call moves, those moved by an earlier one included.</param>
/// <param name="BytesTotal">Bytes in all, or null when the hub does not say.</param>
public sealed record HubProgress(string File, int FilesDone, int FileCount, long BytesDone, long? BytesTotal);
