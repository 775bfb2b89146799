using System.Text;
using Lorikeet.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Lorikeet.Studio.Tests;

/// <summary>Pages by themselves.</summary>
public sealed class PageTests(Browser browser)
{
    /// <summary>Every page in the other language, dark, on a phone.</summary>
    [Theory]
    [InlineData("vi", true, Browser.Phone)]
    [InlineData("vi", false, 1280)]
    [InlineData("en", true, Browser.Phone)]
    public async Task Pages_AreReadByAll(string language, bool isDark, int width)
    {
        var page = await browser.Open(language, isDark, width);
        foreach (var path in new[] { "/", "/data", "/new", "/playground", "/export", "/compare", "/runs/nowhere" })
        {
            await Browser.GoTo(page, path);
            await Expect(page.Locator("html")).ToHaveAttributeAsync("lang", language);
            await Browser.Check(page);
        }
    }

    [Fact]
    public async Task List_OpensOverThePage()
    {
        var page = await browser.Open();
        await Browser.GoTo(page, "/export");
        await page.Locator(".mud-input-control.mud-select:has(#what)").ClickAsync();
        await Expect(page.Locator(".mud-popover-open")).ToBeVisibleAsync();
        await Browser.Check(page);
    }

    [Fact]
    public async Task Language_IsChosenAndKept()
    {
        var page = await browser.Open();
        await Browser.GoTo(page, "/new");
        await page.GetByRole(AriaRole.Button, new() { Name = "Language" }).ClickAsync();
        await Expect(page.GetByText("Tiếng Việt")).ToBeVisibleAsync();
        await Browser.Check(page);
        await page.GetByText("Tiếng Việt").ClickAsync();
        await Expect(page.Locator("h1")).ToHaveTextAsync("Lần chạy mới");
        await Browser.GoTo(page, "/");
        await Expect(page.Locator("h1")).ToHaveTextAsync("Lần chạy");
    }

    /// <summary>What cannot work is refused in the library's words, before anything is started.</summary>
    [Fact]
    public async Task NewRun_RefusesWhatCannotWork()
    {
        var page = await browser.Open();
        await Browser.GoTo(page, "/new?dataset=nowhere.jsonl");
        await Expect(page.Locator(".plan .mud-alert")).ToContainTextAsync("nowhere.jsonl");
        // It is called otherwise while a run of another test is under way.
        await Expect(page.GetByRole(AriaRole.Button, new() { NameRegex = new("^(Start|Add to the queue)$") }))
            .ToBeDisabledAsync();
        await page.Locator("#first-lora_r").FillAsync("-1");
        await Expect(page.Locator(".beside .mud-alert")).ToContainTextAsync("'lora_r' is '-1'");
    }

    /// <summary>A file and a dataset of the hub beside it, read by a model of the hub.</summary>
    [Fact]
    public async Task Data_TakesIdsOfTheHubBesideFiles()
    {
        var model = Path.Combine(TestAssets.Root, "assets", "nano-base");
        browser.Hub.Add("owner/nano", [.. Directory.EnumerateFiles(model).Select(
            file => (Path.GetFileName(file), File.ReadAllBytes(file)))]);
        browser.Hub.Add("datasets/owner/birds", ("train.jsonl", Encoding.UTF8.GetBytes(
            """{"question": "Which bird drinks nectar?", "answer": "The lorikeet."}""")));
        browser.Write("fish.jsonl", """{"question": "Which fish climbs?", "answer": "The perch."}""");

        var page = await browser.Open();
        await Browser.GoTo(page, "/data");
        await page.Locator("#model").FillAsync("owner/nano");
        await page.Locator("#dataset").FillAsync("fish.jsonl, owner/birds");
        await page.GetByRole(AriaRole.Button, new() { Name = "Look at it" }).ClickAsync();
        await Expect(page.Locator(".row-tokens")).ToHaveCountAsync(2);
        await Expect(page.Locator(".row-tokens h3").First).ToContainTextAsync("fish.jsonl:1");
        await Expect(page.Locator(".row-tokens h3").Last).ToContainTextAsync("owner/birds/train.jsonl:1");
        await Expect(page.Locator(".tokens").Last).ToContainTextAsync("The lorikeet.");
        await page.GetByRole(AriaRole.Link, new() { Name = "Train on this" }).ClickAsync();
        await Expect(page.GetByLabel("run.yaml")).ToContainTextAsync("owner/birds");
        await Expect(page.Locator(".parts")).ToContainTextAsync("weights of the base");

        await Browser.GoTo(page, "/data");
        await page.Locator("#dataset").FillAsync("owner/nothing");
        await page.GetByRole(AriaRole.Button, new() { Name = "Look at it" }).ClickAsync();
        await Expect(page.Locator(".mud-alert")).ToContainTextAsync("owner/nothing");
    }

    /// <summary>What a page cannot look at ends that page's connection, not the studio.</summary>
    [Fact]
    public async Task Studio_OutlivesItsHistory()
    {
        using var folder = new TemporaryFolder();
        var fault = new TaskCompletionSource<string>();
        await using var studio = await StudioServer.Start(
            new StudioOptions { Port = 0, Runs = folder["runs"] }, report: report => fault.TrySetResult(report),
            cancellation: TestContext.Current.CancellationToken);
        var page = await browser.Open();
        await Browser.GoTo(page, studio.Address.ToString());

        Directory.Delete(folder["runs"], recursive: true);
        SqliteConnection.ClearAllPools();

        Assert.Contains("SqliteException", await fault.Task.WaitAsync(
            TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using var client = new HttpClient();
        Assert.True((await client.GetAsync(new Uri(studio.Address, "/sign-in"), TestContext.Current.CancellationToken))
            .IsSuccessStatusCode);
    }

    /// <summary>A studio that was installed or published; .ci/packages says where it is.</summary>
    [Fact]
    public async Task InstalledStudio_AnswersToClicks()
    {
        var address = Environment.GetEnvironmentVariable("LORIKEET_STUDIO");
        Assert.SkipWhen(string.IsNullOrEmpty(address), "LORIKEET_STUDIO names no studio that was started elsewhere.");
        var page = await browser.Open();
        var failed = new List<string>();
        page.RequestFailed += (_, request) => failed.Add(request.Url);
        page.Response += (_, response) =>
        {
            if (response.Status >= 400)
                failed.Add(response.Url);
        };
        await Browser.GoTo(page, address!);
        await page.GetByRole(AriaRole.Link, new() { Name = "New run" }).First.ClickAsync();
        await Expect(page.Locator("#run-name")).ToBeVisibleAsync();
        await Browser.Check(page);
        Assert.Empty(failed);
    }
}
