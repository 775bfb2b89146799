using Lorikeet.Cli;
using Lorikeet.Formats;

try
{
    return CommandLine.Run(args);
}
finally
{
    // Here and not where a command line ends: others in the process may still be writing theirs.
    TemporaryPlace.DeleteAll();
}
