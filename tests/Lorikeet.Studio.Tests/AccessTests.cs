using System.Net;
using Lorikeet.Testing;

namespace Lorikeet.Studio.Tests;

/// <summary>Who comes in.</summary>
public sealed class AccessTests(Browser browser)
{
    private const string Key = "a-key-of-this-test";

    [Fact]
    public async Task Pages_OfOtherOrigins_AndOtherNames_AreRefused()
    {
        Assert.Equal(HttpStatusCode.Forbidden, (await Get("/", ("Origin", "https://evil.example"))).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await Get("/", ("Host", "evil.example"))).StatusCode);
        var page = await Get("/");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Contains("frame-ancestors 'none'", page.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", page.Headers.GetValues("X-Content-Type-Options").Single());
    }

    /// <summary>All that a page needs is served from here, and said to be kept.</summary>
    [Fact]
    public async Task Assets_AreServed()
    {
        var page = await (await Get("/")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain("https://", page, StringComparison.Ordinal);
        foreach (var name in new[] { "blazor.js", "mudblazor.js", "mudblazor.css", "studio.css", "icon.svg" })
        {
            var end = page.IndexOf(name, StringComparison.Ordinal) + name.Length;
            var begin = page.LastIndexOf("assets/", end, StringComparison.Ordinal);
            var asset = await Get("/" + page[begin..end]);
            Assert.Equal(HttpStatusCode.OK, asset.StatusCode);
            Assert.Contains("immutable", asset.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.NotFound, (await Get("/assets/0000/studio.css")).StatusCode);
    }

    [Theory]
    [InlineData("/data", "/data")]
    [InlineData("//evil.example", "/")]
    [InlineData("https://evil.example", "/")]
    public async Task Tastes_GoBackToAPageOfTheStudio(string to, string expected)
    {
        var answer = await Get("/tastes?language=vi&to=" + Uri.EscapeDataString(to));

        Assert.Equal(expected, answer.Headers.Location!.ToString());
        Assert.Contains("language=vi", answer.Headers.GetValues("Set-Cookie").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_OpensTheStudio()
    {
        using var folder = new TemporaryFolder();
        await using var studio = await StudioServer.Start(
            new StudioOptions { Port = 0, Runs = folder["runs"], ApiKeys = [Key] },
            cancellation: TestContext.Current.CancellationToken);

        var (stranger, friend) = (await Get("/", studio.Address, ("Accept", "text/html")),
            await Get("/", studio.Address, ("Authorization", "Bearer " + Key)));
        Assert.Equal("/sign-in", stranger.Headers.Location!.ToString());
        Assert.Equal(HttpStatusCode.OK, friend.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Get("/_blazor/negotiate", studio.Address)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Get("/sign-in", studio.Address)).StatusCode);
    }

    [Fact]
    public async Task WithoutKey_OtherMachinesAreNotServed() => await Assert.ThrowsAsync<ConfigurationException>(
        () => StudioServer.Start(
            new StudioOptions { Host = "0.0.0.0", Port = 0 }, cancellation: TestContext.Current.CancellationToken));

    private Task<HttpResponseMessage> Get(string path, params (string Name, string Value)[] headers) =>
        Get(path, browser.Address, headers);

    private static async Task<HttpResponseMessage> Get(
        string path, Uri address, params (string Name, string Value)[] headers)
    {
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false });
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, path));
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
