namespace Lorikeet.Serving;

/// <summary>A request names a model that is not served.</summary>
/// <param name="message">Which, and which are.</param>
public sealed class UnknownModelException(string message) : ConfigurationException(message);
