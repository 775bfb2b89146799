using Lorikeet.Cli.Shell;
using Lorikeet.Text.ChatTemplates;

namespace Lorikeet.Cli.Tests;

public class ExitCodesTests
{
    /// <summary>The codes of README's list; scripts depend on them.</summary>
    [Fact]
    public void Of_TellsWrongInputFromAWrongEnvironment()
    {
        Assert.Equal(1, ExitCodes.Of(new LorikeetException("The loss is NaN.")));
        LorikeetException[] input =
        [
            new ConfigurationException(""), new DatasetException(""), new CheckpointException(""),
            new StorageException(""),
            new ReadingLimitException(""), new HubException("", isNotFound: true),
        ];
        Assert.All(input, fault => Assert.Equal(2, ExitCodes.Of(fault)));
        LorikeetException[] environment =
            [
                new DeviceException(""), new StorageException("", isEnvironmental: true), new HubException(""),
                new HubException("", isTransient: true)];
        Assert.All(environment, fault => Assert.Equal(3, ExitCodes.Of(fault)));
        Assert.Equal(
            2,
            ExitCodes.Of(
                Assert.Throws<ChatTemplateException>(
                    () => ChatTemplate.Parse("{{ raise_exception('no') }}").Render([]))));
    }
}
