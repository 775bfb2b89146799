using System.Runtime.InteropServices;
using Lorikeet.Cli.Shell;

namespace Lorikeet.Cli.Tests;

public sealed class InterruptionTests : IDisposable
{
    private readonly List<string> _said = [];
    private readonly List<int> _left = [];
    private readonly Interruption _interruption;

    public InterruptionTests() => _interruption = new Interruption(_said.Add, (code, _) => _left.Add(code));

    public void Dispose() => _interruption.Dispose();

    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    public void FirstRequest_EndsTheProcess_WhenThereIsNothingToSave(PosixSignal signal, int code)
    {
        _interruption.Receive(signal);
        Assert.Equal([code], _left);
        Assert.False(_interruption.Requested);
        Assert.Empty(_said);
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT, 130)]
    [InlineData(PosixSignal.SIGTERM, 143)]
    public void FirstRequest_AsksTheVerbToFinish_AndTheSecondEndsTheProcess(PosixSignal signal, int code)
    {
        _interruption.FinishFirst("Saving.");
        _interruption.Receive(signal);
        Assert.True(_interruption.Token.IsCancellationRequested);
        Assert.Equal(["Saving."], _said);
        Assert.Equal(code, _interruption.ExitCode);
        Assert.Empty(_left);

        _interruption.Receive(signal);
        Assert.Equal([code], _left);
    }

    [Theory]
    [InlineData(PosixSignal.SIGINT)]
    [InlineData(PosixSignal.SIGTERM)]
    public void RequestThatIsTheUsualEnd_IsSuccess(PosixSignal signal)
    {
        _interruption.FinishFirst("Stopping.", isUsual: true);
        _interruption.Receive(signal);
        Assert.True(_interruption.Requested);
        Assert.Equal(0, _interruption.ExitCode);
    }

    [Fact]
    public void AnAnswer_IsStoppedByCtrlC_ButNotBySigterm()
    {
        _interruption.TryInstead = () => true;
        _interruption.Receive(PosixSignal.SIGINT);
        Assert.Empty(_left);
        _interruption.Receive(PosixSignal.SIGTERM);
        Assert.Equal([143], _left);
    }
}
