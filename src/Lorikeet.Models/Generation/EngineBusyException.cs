namespace Lorikeet.Models.Generation;

/// <summary>An engine takes no request now; another time it may.</summary>
/// <param name="message">What is full, and what to do.</param>
public sealed class EngineBusyException(string message) : LorikeetException(message);
