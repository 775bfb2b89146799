using Lorikeet.Cli.Rendering;
using Lorikeet.Runs.Reports;
using Lorikeet.Testing;
using Lorikeet.Tests.Runs;
using Spectre.Console;
using Spectre.Console.Testing;

namespace Lorikeet.Cli.Tests.Rendering;

public sealed class ResultTests
{
    private readonly TestConsole _console = new TestConsole().Width(100);

    [Fact]
    public void Results_AsShownAtTheEndOfARun()
    {
        var report = RecordedReport.Create();
        AnswerTable.Write(_console, report.Answers);
        ScoreTable.Write(_console, report.Scores);
        NextSteps.Write(_console, report.NextCommands);

        Golden.Verify("results.txt", _console.Output);
    }

    [Fact]
    public void WithoutReferencesAndBaseScores_ThoseColumnsAreLeftOut()
    {
        AnswerTable.Write(_console, [new ComparedAnswer("Who?", null, "I", "You")]);
        ScoreTable.Write(_console, [new ComparedScore("Exact match", null, 0.5)]);

        Assert.DoesNotContain("Expected", _console.Output);
        Assert.DoesNotContain("Base", _console.Output);
    }

    [Fact]
    public void WithNothingToShow_NothingIsShown()
    {
        AnswerTable.Write(_console, []);
        ScoreTable.Write(_console, []);

        Assert.Empty(_console.Output);
    }

    [Fact]
    public void ControlCharactersOfAModel_DoNotReachTheTerminal()
    {
        AnswerTable.Write(_console, [new ComparedAnswer("Who?", null, "\u001b[31mred\u0007", "a\nb")]);

        Assert.DoesNotContain('\u001b', _console.Output);
        Assert.Contains("␛[31mred␇", _console.Output);
        Assert.Contains("a b", _console.Output);
    }

    [Fact]
    public void WhatATerminalWouldObey_IsShown_InErrorsTablesAndProgress()
    {
        const string hostile = "\u001b]0;owned\u0007 \u202Egpj";
        _console.Pipeline.Attach(new VisibleRendering());
        using var plain = new StringWriter();

        ErrorText.Write(_console, $"'{hostile}' is no model. Check the path.");
        ErrorText.Write(_console.Interactive(), $"'{hostile}' is no model. Check the path.");
        _console.Write(Tables.Create("Name").AddRow(hostile.EscapeMarkup()));
        _console.MarkupLine(hostile.EscapeMarkup());
        using (var writer = new VisibleWriter(plain))
        {
            writer.WriteLine(hostile);
            writer.Write(hostile.ToCharArray());
            writer.Write(hostile[0]);
            writer.Write(hostile.AsSpan());
        }

        Assert.DoesNotContain(_console.Output + plain, character => character is '\u001b' or '\u0007' or '\u202E');
        Assert.Equal(4, _console.Output.Split("␛]0;owned␇ \ufffdgpj").Length - 1);
    }

    [Fact]
    public void ACommand_IsNeverBroken()
    {
        var command = "./lorikeet generate --prompt \"" + new string('x', 300) + "\"";

        NextSteps.Write(_console, [new NextCommand(CommandPurpose.Generate, command)]);

        Assert.Contains(command, _console.Output);
    }

    [Fact]
    public void AnError_SaysWhatIsWrongAndWhatToDo()
    {
        ErrorText.Write(_console.Interactive(), "'[x]' holds a finished run. Choose another --output.");

        Assert.Equal("error  '[x]' holds a finished run. Choose another --output.\n", _console.Output);
    }

    [Fact]
    public void AnError_OutsideATerminal_IsOneUnbrokenLine()
    {
        var message = $"'{new string('x', 200)}' is not a folder. Choose another --output.";

        ErrorText.Write(_console, message);

        Assert.Equal(message + "\n", _console.Output);
    }
}
