using Lorikeet.Fuzz.Mutation;
using Lorikeet.Fuzz.Targets;
using SharpFuzz;

namespace Lorikeet.Fuzz.Guided;

/// <summary>
/// Tries what afl-fuzz hands to it. What breaks a bound ends the process or throws, and is a crash to afl-fuzz.
/// </summary>
internal sealed class GuidedWorker(string name)
{
    // Instrumented code runs only once SharpFuzz has mapped the memory for its counters.
    private readonly Lazy<(Target Target, Workplace Workplace, TimeLimit Limit)> _parts = new(() =>
        (Target.Find(name), new Workplace(), new TimeLimit(_ => Environment.Exit(Worker.HangExitCode))));

    private readonly byte[] _buffer = new byte[Mutator.LargestInput];

    public void Run() => Fuzzer.OutOfProcess.Run(Try);

    private void Try(Stream stream)
    {
        var input = _buffer[..stream.ReadAtLeast(_buffer, _buffer.Length, throwOnEndOfStream: false)];
        var (target, workplace, limit) = _parts.Value;
        limit.Begin();
        try
        {
            target.Run(input, workplace);
        }
        catch (LorikeetException)
        {
            // The answer that is asked for.
        }
        finally
        {
            limit.End();
        }
    }
}
