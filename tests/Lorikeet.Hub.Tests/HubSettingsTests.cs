using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Tests;

public class HubSettingsTests
{
    private static readonly string UserHome = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    [Fact]
    public void Defaults_AreThoseOfHuggingFaceTools()
    {
        var settings = From();
        Assert.Equal(new Uri("https://huggingface.co/"), settings.Endpoint);
        Assert.Equal(Path.Combine(UserHome, ".cache", "huggingface", "hub"), settings.CacheFolder);
        Assert.False(settings.IsOffline);
        Assert.Equal(TimeSpan.FromSeconds(10), settings.DownloadTimeout);
    }

    [Fact]
    public void CacheFolder_TakesTheMostSpecificVariable()
    {
        Assert.Equal("/x/huggingface/hub", From(("XDG_CACHE_HOME", "/x")).CacheFolder);
        Assert.Equal("/h/hub", From(("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")).CacheFolder);
        Assert.Equal("/c", From(("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")).CacheFolder);
        Assert.Equal(Path.Combine(UserHome, "c"), From(("HF_HUB_CACHE", "~/c")).CacheFolder);
    }

    [Fact]
    public void Token_ComesFromTheVariable_ElseFromTheFile()
    {
        using var home = new TemporaryFolder();
        home.Write("token", "hf_file\n");
        Assert.Equal("hf_file", From(("HF_HOME", home.Path)).Token);
        Assert.Equal("hf_variable", From(("HF_HOME", home.Path), ("HF_TOKEN", "hf_variable")).Token);
        Assert.Null(From(("HF_HOME", home.Path), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")).Token);
        Assert.Equal("hf_file", From(("HF_HOME", "/none"), ("HF_TOKEN_PATH", home.File("token"))).Token);
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("ON", true)]
    [InlineData("yes", true)]
    [InlineData("True", true)]
    [InlineData("0", false)]
    [InlineData("no", false)]
    public void Offline_IsTrueForTheWordsOthersTake(string value, bool expected) =>
        Assert.Equal(expected, From(("HF_HUB_OFFLINE", value)).IsOffline);

    [Theory]
    [InlineData("HF_ENDPOINT", "not an address")]
    [InlineData("HF_HUB_ETAG_TIMEOUT", "soon")]
    public void Variable_ThatCannotBeRead_IsNamed(string name, string value)
    {
        var error = Assert.Throws<ConfigurationException>(() => From((name, value)));
        Assert.Contains(name, error.Message);
        Assert.Contains(value, error.Message);
    }

    [Fact]
    public void Endpoint_MayHaveAPath()
    {
        var settings = From(("HF_ENDPOINT", "http://mirror.local/hf/"));
        Assert.Equal("http://mirror.local/hf/a/b", new Uri(settings.Endpoint, "a/b").ToString());
    }

    private static HubSettings From(params (string Name, string Value)[] variables) =>
        HubSettings.From(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
}
