using System.Reflection;

namespace Lorikeet.Cli.Shell;

/// <summary>Which version of the program runs.</summary>
internal static class ProgramVersion
{
    /// <summary>Such as 0.1.0, without the commit.</summary>
    public static string Text { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];
}
