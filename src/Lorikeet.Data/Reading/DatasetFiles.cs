namespace Lorikeet.Data.Reading;

/// <summary>Which files of a dataset's folder are read, where the user says so.</summary>
/// <param name="Folder">Only what lies in this subfolder; null for all of it.</param>
/// <param name="Patterns">Only files that match one of these, such as <c>data/*.jsonl</c>; none for all.</param>
public sealed record DatasetFiles(string? Folder, IReadOnlyList<string> Patterns);
