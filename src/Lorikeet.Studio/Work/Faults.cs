using Lorikeet.Formats;

namespace Lorikeet.Studio.Work;

/// <summary>What a reader is told of a fault.</summary>
internal static class Faults
{
    /// <summary>The library's own sentence where there is one.</summary>
    public static string Sentence(Exception fault) => fault switch
    {
        LorikeetException => fault.Message,
        _ when StorageFault.Covers(fault) => StorageFault.Of(fault).Message,
        _ => $"{fault.GetType().Name}: {fault.Message}",
    };
}
