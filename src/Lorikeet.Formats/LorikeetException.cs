namespace Lorikeet;

/// <summary>
/// Something the user can fix. The message is complete: what is wrong with the actual value, what was expected, where,
/// and what to do next; it may be shown without a stack trace. What is thrown as this type itself is a run that failed
/// although its input is right, such as a loss that is not finite; its children say what else is at fault.
/// </summary>
public class LorikeetException : Exception
{
    /// <summary>Creates the error with a complete message.</summary>
    /// <param name="message">What is wrong, what was expected, where, and what to do.</param>
    /// <param name="innerException">The fault underneath, if any.</param>
    public LorikeetException(string message, Exception? innerException = null) : base(message, innerException) { }
}

/// <summary>An option, argument or configuration file is wrong.</summary>
/// <param name="message">What is wrong, what was expected, where, and what to do.</param>
/// <param name="innerException">The fault underneath, if any.</param>
public class ConfigurationException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException);

/// <summary>A dataset cannot be read, has no known shape, or would train nothing.</summary>
/// <param name="message">What is wrong, what was expected, where, and what to do.</param>
/// <param name="innerException">The fault underneath, if any.</param>
public sealed class DatasetException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException);

/// <summary>A checkpoint, adapter, tokenizer or other file is missing, damaged or does not fit.</summary>
/// <param name="message">What is wrong, what was expected, where, and what to do.</param>
/// <param name="innerException">The fault underneath, if any.</param>
public sealed class CheckpointException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException);

/// <summary>A file or folder cannot be read or written.</summary>
/// <param name="message">What is wrong, what was expected, where, and what to do.</param>
/// <param name="innerException">The fault underneath, if any.</param>
/// <param name="isEnvironmental">See <see cref="IsEnvironmental"/>.</param>
public sealed class StorageException(string message, Exception? innerException = null, bool isEnvironmental = false)
    : LorikeetException(message, innerException)
{
    /// <summary>
    /// Whether the path is right and its machine at fault: a disk is full or fails, or the process has too many files
    /// open. False for a path that is wrong or may not be used.
    /// </summary>
    public bool IsEnvironmental => isEnvironmental;
}

/// <summary>The machine lacks something: a native library, a device, memory, the network.</summary>
/// <param name="message">What is wrong, what was expected, where, and what to do.</param>
/// <param name="innerException">The fault underneath, if any.</param>
public sealed class DeviceException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException);

/// <summary>The Hugging Face hub refused, could not be reached, or has nothing of that name.</summary>
/// <param name="message">What is wrong, what was expected, where, and what to do.</param>
/// <param name="innerException">The fault underneath, if any.</param>
/// <param name="isNotFound">See <see cref="IsNotFound"/>.</param>
/// <param name="isTransient">See <see cref="IsTransient"/>.</param>
public sealed class HubException(
    string message, Exception? innerException = null, bool isNotFound = false, bool isTransient = false)
    : LorikeetException(message, innerException)
{
    /// <summary>Whether a name was given that stands for nothing: a repository, revision or file.</summary>
    public bool IsNotFound => isNotFound;

    /// <summary>
    /// Whether the hub is out of order or out of reach, rather than refusing: the same may work later.
    /// </summary>
    public bool IsTransient => isTransient;
}

/// <summary>
/// An input asks for more than <see cref="Formats.ReadingLimits"/> allow. The message is a clause that says which;
/// readers put it into the error that names the file.
/// </summary>
/// <param name="message">Which limit, as a clause.</param>
/// <param name="innerException">The fault underneath, if any.</param>
public sealed class ReadingLimitException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException);
