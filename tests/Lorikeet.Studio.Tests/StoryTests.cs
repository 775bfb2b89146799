using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Lorikeet.Studio.Tests;

/// <summary>From data to an exported adapter, as a person does it in the browser.</summary>
public sealed class StoryTests(Browser browser)
{
    private static readonly LocatorAssertionsToHaveTextOptions s_patient = new() { Timeout = 300_000 };

    [Fact]
    public async Task Studio_TrainsAsksComparesAndExports()
    {
        var page = await browser.Open();

        await Browser.GoTo(page, "/data");
        await page.GetByRole(AriaRole.Button, new() { Name = "train.jsonl" }).ClickAsync();
        await Expect(page.Locator(".tokens .learned").First).ToBeVisibleAsync();
        await Expect(page.Locator(".column select").First).ToHaveValueAsync("text");
        await Browser.Check(page);
        await Browser.Shoot(page, "data");

        await page.GetByRole(AriaRole.Link, new() { Name = "Train on this" }).ClickAsync();
        await Describe(page, "first", ("learning_rate", "0.002"), ("max_steps", "40"), ("eval_steps", "20"),
            ("test_size", "16"), ("per_device_train_batch_size", "32"), ("gradient_accumulation_steps", "1"));
        await Expect(page.Locator(".parts")).ToContainTextAsync("weights of the base");
        await Expect(page.GetByLabel("run.yaml")).ToContainTextAsync("learning_rate: 0.002");
        await Browser.Check(page);
        await Browser.Shoot(page, "new");
        await page.GetByRole(AriaRole.Button, new() { Name = "Start" }).ClickAsync();
        await Expect(page.Locator("h1")).ToHaveTextAsync("first");

        // Held up between two steps, it stays there; another run waits in the queue meanwhile.
        await Expect(page.Locator(".curve .latest").First).ToBeVisibleAsync(new() { Timeout = 120_000 });
        await page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();
        await Expect(page.Locator(".figures .status")).ToHaveTextAsync("paused", s_patient);
        await Browser.GoTo(page, "/new?like=first");
        await Describe(page, "second", ("learning_rate", "0.0001"), ("max_steps", "4"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Add to the queue" }).ClickAsync();
        await Expect(page.Locator(".figures .status")).ToHaveTextAsync("waiting");
        await Browser.GoTo(page, "/runs/first");
        await page.GetByRole(AriaRole.Button, new() { Name = "Go on" }).ClickAsync();
        await Expect(page.Locator(".figures .status")).ToHaveTextAsync("finished", s_patient);
        await Expect(page.Locator(".curve svg polyline, .curve svg path").First).ToBeAttachedAsync();
        // A question that the run can answer by now.
        var known = page.Locator(".answers tbody tr").Filter(new() { Has = page.Locator("td.right:last-child") }).First;
        var question = await known.Locator("th").InnerTextAsync();
        var expected = await known.Locator("td").First.InnerTextAsync();
        await Browser.Check(page);
        await Browser.Shoot(page, "run");

        await page.GetByRole(AriaRole.Link, new() { Name = "Ask it" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Load", Exact = true }).ClickAsync();
        await page.GetByLabel("Question").FillAsync(question);
        await page.GetByRole(AriaRole.Button, new() { Name = "Ask", Exact = true }).ClickAsync();
        await Expect(page.Locator(".spoken").Last.Locator(".answer-text")).ToHaveTextAsync(expected, s_patient);
        await Expect(page.Locator(".spoken").First.Locator(".answer-text")).Not.ToHaveTextAsync(expected);
        await Expect(page.Locator(".spoken .answer-text span").First).ToHaveAttributeAsync("title", new Regex("%"));
        await Browser.Check(page);
        await Browser.Shoot(page, "playground");

        await Browser.GoTo(page, "/");
        await Expect(page.Locator("tbody .status-finished")).ToHaveCountAsync(2, new() { Timeout = 300_000 });
        await page.GetByLabel("Compare first").CheckAsync();
        await page.GetByLabel("Compare second").CheckAsync();
        await Browser.Check(page);
        await page.GetByRole(AriaRole.Link, new() { Name = "Compare" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Options that differ" }))
            .ToContainTextAsync("learning_rate");
        await Browser.Check(page);

        await Browser.GoTo(page, "/export?run=first");
        await page.GetByRole(AriaRole.Button, new() { Name = "Export" }).ClickAsync();
        await Expect(page.Locator(".receipt .status")).ToHaveTextAsync("verified", s_patient);
        Assert.True(File.Exists(Path.Combine(browser.Runs, "first", "merged", "config.json")));
        await Browser.Check(page);
    }

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
    public async Task Language_IsChosenAndKept()
    {
        var page = await browser.Open();
        await Browser.GoTo(page, "/new");
        await page.GetByRole(AriaRole.Button, new() { Name = "Language" }).ClickAsync();
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
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Start" })).ToBeDisabledAsync();
        await page.Locator("#first-lora_r").FillAsync("-1");
        await Expect(page.Locator(".beside .mud-alert")).ToContainTextAsync("'lora_r' is '-1'");
    }

    private static async Task Describe(IPage page, string name, params (string Option, string Text)[] options)
    {
        await page.Locator("#run-name").FillAsync(name);
        foreach (var (option, text) in options)
            await page.Locator($"#first-{option}").FillAsync(text);
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Start" }).Or(
            page.GetByRole(AriaRole.Button, new() { Name = "Add to the queue" })))
            .ToBeEnabledAsync(new() { Timeout = 60_000 });
    }
}
