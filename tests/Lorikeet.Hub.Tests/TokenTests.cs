using Lorikeet.Formats;
using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Tests;

/// <summary>Where the token goes, and where it is shown: to the hub, and nowhere.</summary>
public sealed class TokenTests
{
    private const string Token = "hf_SECRET";

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.2")]
    public async Task Token_DoesNotFollowARedirectToAnotherHost(string host)
    {
        await using var other = await ScriptedServer.StartAsync(context => ScriptedServer.AnswerAsync(context));
        await using var hub = await ScriptedServer.StartAsync(context =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = $"http://{host}:{other.Endpoint.Port}{context.Request.Path}";
            return Task.CompletedTask;
        });
        using var client = hub.Client(token: Token);

        await Record.ExceptionAsync(() => client.ResolveAsync("a/b", RepositoryKind.Model));

        Assert.NotEmpty(hub.Authorizations);
        Assert.All(hub.Authorizations, header => Assert.Equal($"Bearer {Token}", header));
        Assert.All(other.Authorizations, Assert.Empty);
    }

    [Fact]
    public async Task Token_DoesNotFollowARedirectToAnotherPort()
    {
        await using var other = await ScriptedServer.StartAsync(context => ScriptedServer.AnswerAsync(context));
        await using var hub = await ScriptedServer.StartAsync(context =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = other.Endpoint + context.Request.Path.Value![1..];
            return Task.CompletedTask;
        });
        using var client = hub.Client(token: Token);

        await Record.ExceptionAsync(() => client.ResolveAsync("a/b", RepositoryKind.Model));

        Assert.NotEmpty(other.Authorizations);
        Assert.All(other.Authorizations, Assert.Empty);
    }

    [Theory]
    [InlineData("https://huggingface.co/", "https://huggingface.co/a", true)]
    [InlineData("https://huggingface.co/", "https://HuggingFace.co:443/a", true)]
    [InlineData("http://huggingface.co/", "https://huggingface.co/a", true)]
    [InlineData("https://huggingface.co/", "http://huggingface.co/a", false)]
    [InlineData("https://huggingface.co/", "https://huggingface.co:8443/a", false)]
    [InlineData("https://huggingface.co/", "https://huggingface.co.evil.example/a", false)]
    [InlineData("https://huggingface.co/", "https://cdn.huggingface.co/a", false)]
    [InlineData("https://huggingface.co/", "https://huggingface.co@evil.example/a", false)]
    [InlineData("http://localhost:8080/", "https://localhost/a", false)]
    public void Token_GoesToTheHubsOwnAddressOnly(string endpoint, string address, bool goes) =>
        Assert.Equal(goes, HubTransport.IsSameOrigin(new Uri(endpoint), new Uri(address)));

    [Theory]
    [InlineData("https://huggingface.co/", "http://huggingface.co/x")]
    [InlineData("https://huggingface.co/", "ftp://huggingface.co/x")]
    [InlineData("http://localhost/", "file:///etc/passwd")]
    public void Redirect_ThatIsLessSafe_IsNotFollowed(string from, string to) =>
        Assert.False(HubTransport.IsAsSafe(new Uri(from), new Uri(to)));

    [Fact]
    public async Task Address_WithNameAndPassword_IsShownWithoutThem()
    {
        await using var server = await ScriptedServer.StartAsync(
            context => ScriptedServer.AnswerAsync(context, "<html>"));
        var address = new UriBuilder(server.Endpoint) { UserName = "me", Password = "s3cret" }.Uri;
        using var client = server.Client(endpoint: address);

        var error = await Assert.ThrowsAsync<HubException>(() => client.ResolveAsync("a/b", RepositoryKind.Model));

        Assert.DoesNotContain("s3cret", error.Message);
        Assert.Contains("://…@", error.Message);
    }

    [Theory]
    [InlineData("hf_SE\nCRET", "U+000A")]
    [InlineData("hf_SE CRET", "U+0020")]
    [InlineData("hf_SÉCRET", "U+00C9")]
    public void Token_ThatCannotBeOne_IsNamedWithoutItsValue(string token, string character)
    {
        var error = Assert.Throws<ConfigurationException>(() =>
            HubSettings.From(name => name == "HF_TOKEN" ? token : null));

        Assert.Contains(character, error.Message);
        Assert.DoesNotContain("hf_S", error.Message);
        Assert.DoesNotContain("CRET", error.Message);
    }

    [Theory]
    [InlineData("--hub_token is 'hf_SECRET'.", "--hub_token is 'hf_…'.")]
    [InlineData("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "hf_…")]
    [InlineData("api_org_AbCd", "api_org_…")]
    [InlineData("proxy 'http://me:pa@ss@proxy:3128/'", "proxy 'http://…@proxy:3128/'")]
    [InlineData("https://hf_Ab1@huggingface.co/a", "https://…@huggingface.co/a")]
    [InlineData(
        "hf_transfer, self_hf_X1 and https://huggingface.co/a?b=c@d",
        "hf_transfer, self_hf_X1 and https://huggingface.co/a?b=c@d")]
    public void Secrets_AreHidden(string text, string shown) => Assert.Equal(shown, Secrets.Hide(text));
}
