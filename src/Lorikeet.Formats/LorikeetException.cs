namespace Lorikeet;

/// <summary>
/// Something the user can mend. The message says what is wrong with the actual value, what was expected, where, and
/// what to do next; the command line prints it without a stack trace and exits with <see cref="ExitCode"/>.
/// </summary>
public class LorikeetException : Exception
{
    /// <summary>Creates the error with a complete message.</summary>
    /// <param name="message">What is wrong, what was expected, where, and what to do.</param>
    /// <param name="innerException">The fault underneath, if any.</param>
    public LorikeetException(string message, Exception? innerException = null) : base(message, innerException) { }

    /// <summary>The process exit code: 1 run failed, 2 wrong usage or input, 3 environment.</summary>
    public virtual int ExitCode => 1;
}

/// <summary>An option, argument or configuration file is wrong (exit code 2).</summary>
public sealed class ConfigurationException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException)
{
    /// <inheritdoc/>
    public override int ExitCode => 2;
}

/// <summary>A dataset cannot be read, has no known shape, or would train nothing (exit code 2).</summary>
public sealed class DatasetException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException)
{
    /// <inheritdoc/>
    public override int ExitCode => 2;
}

/// <summary>A checkpoint, adapter, tokenizer or other file is missing, damaged or does not fit (exit code 2).</summary>
public sealed class CheckpointException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException)
{
    /// <inheritdoc/>
    public override int ExitCode => 2;
}

/// <summary>
/// A file or folder cannot be read or written: a place that is wrong (exit code 2), or a disk that is full or fails
/// (exit code 3).
/// </summary>
/// <param name="message">What is wrong, what was expected, where, and what to do.</param>
/// <param name="innerException">The fault underneath, if any.</param>
/// <param name="isOfMachine">Whether the place is right and the machine is at fault.</param>
public sealed class StorageException(string message, Exception? innerException = null, bool isOfMachine = false)
    : LorikeetException(message, innerException)
{
    /// <inheritdoc/>
    public override int ExitCode => isOfMachine ? 3 : 2;
}

/// <summary>The machine lacks something: a native library, a device, memory, the network (exit code 3).</summary>
public sealed class DeviceException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException)
{
    /// <inheritdoc/>
    public override int ExitCode => 3;
}

/// <summary>
/// The Hugging Face hub refused, or could not be reached (exit code 3), or has nothing of that name (exit code 2).
/// </summary>
/// <param name="message">What is wrong, what was expected, where, and what to do.</param>
/// <param name="innerException">The fault underneath, if any.</param>
/// <param name="isUnknown">Whether a name was given that stands for nothing.</param>
/// <param name="isPassing">Whether the same may work later, and what is in the cache answers meanwhile.</param>
public sealed class HubException(
    string message, Exception? innerException = null, bool isUnknown = false, bool isPassing = false)
    : LorikeetException(message, innerException)
{
    /// <summary>Whether the hub is out of order or out of reach, rather than refusing.</summary>
    public bool IsPassing => isPassing;

    /// <inheritdoc/>
    public override int ExitCode => isUnknown ? 2 : 3;
}

/// <summary>
/// An input asks for more than <see cref="Formats.ReadingLimits"/> allow (exit code 2). The message is a clause that says
/// which; readers put it into the error that names the file.
/// </summary>
public sealed class ReadingLimitException(string message, Exception? innerException = null)
    : LorikeetException(message, innerException)
{
    /// <inheritdoc/>
    public override int ExitCode => 2;
}
