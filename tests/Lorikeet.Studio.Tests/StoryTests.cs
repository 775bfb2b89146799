using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Lorikeet.Studio.Tests;

/// <summary>From data to a published adapter, as a person does it in the browser.</summary>
public sealed class StoryTests(Browser browser)
{
    private const int Long = 300_000;
    private const string Repository = "me/tuned";

    private static readonly LocatorAssertionsToHaveTextOptions s_patient = new() { Timeout = Long };

    [Fact]
    public async Task Studio_TrainsAsksComparesAndExports()
    {
        var page = await browser.Open();
        await LookAtData(page);
        await StartFirst(page);
        await QueueWhileItIsHeldUp(page);
        var (question, expected) = await WatchItFinish(page);
        await StopAndResumeSecond(page);
        await AskSeveral(page, question, expected);
        await Compare(page);
        await ExportEverywhere(page);
        foreach (var (language, isDark, width) in new[]
                 {
                     ("vi", true, Browser.Phone), ("vi", false, 1280), ("en", true, Browser.Phone), ("en", true, 1280),
                 })
        {
            await LookAtResults(await browser.Open(language, isDark, width));
        }

        if (Browser.TakesPictures)
            await ShootForOthers(question);
    }

    private static async Task LookAtData(IPage page)
    {
        await Browser.GoTo(page, "/data");
        await page.GetByRole(AriaRole.Button, new() { Name = "train.jsonl" }).ClickAsync();
        await Expect(page.Locator(".tokens .learned").First).ToBeVisibleAsync();
        await Expect(page.Locator(".column select").First).ToHaveValueAsync("text");
        await Browser.Check(page);
        await Browser.Shoot(page, "data");
        await page.GetByRole(AriaRole.Link, new() { Name = "Train on this" }).ClickAsync();
    }

    private static async Task StartFirst(IPage page)
    {
        await Describe(page, "first", ("learning_rate", "0.003"), ("max_steps", "24"), ("eval_steps", "12"),
            ("test_size", "12"), ("per_device_train_batch_size", "32"), ("gradient_accumulation_steps", "1"));
        await Expect(page.Locator(".parts")).ToContainTextAsync("weights of the base");
        await Expect(page.GetByLabel("run.yaml")).ToContainTextAsync("learning_rate: 0.003");
        await Browser.Check(page);
        await Browser.Shoot(page, "new");
        await page.GetByRole(AriaRole.Button, new() { Name = "Start" }).ClickAsync();
        await Expect(page.Locator("h1")).ToHaveTextAsync("first");
        await Expect(page.Locator(".curve .latest").First).ToBeVisibleAsync(new() { Timeout = Long });
    }

    /// <summary>Held up between two steps, a run stays there; others wait in the queue, and one leaves it.</summary>
    private static async Task QueueWhileItIsHeldUp(IPage page)
    {
        await Click(page, "Pause");
        await Expect(Status(page)).ToHaveTextAsync("paused", s_patient);
        var bar = await page.Locator(".live .mud-progress-linear").BoundingBoxAsync();
        Assert.True(bar is { Width: > 100, Height: > 3 });
        await Browser.Check(page);
        foreach (var name in new[] { "second", "third" })
        {
            await Browser.GoTo(page, "/new?like=first");
            // So many steps that it goes on until it is stopped.
            await Describe(page, name, ("learning_rate", "0.0001"), ("max_steps", "5000"), ("eval_steps", "5000"));
            await Click(page, "Add to the queue");
            await Expect(Status(page)).ToHaveTextAsync("waiting");
        }

        await Browser.GoTo(page, "/");
        await Expect(page.Locator("tbody .status-queued")).ToHaveCountAsync(2);
        await page.GetByRole(AriaRole.Link, new() { Name = "third" }).ClickAsync();
        await Click(page, "Take out of the queue");
        await Expect(page.Locator("h1")).ToHaveTextAsync("Not found");
        await Browser.GoTo(page, "/runs/first");
        await Expect(Status(page)).ToHaveTextAsync("paused");
    }

    /// <returns>A question that the run can answer by now, and the answer.</returns>
    private static async Task<(string Question, string Expected)> WatchItFinish(IPage page)
    {
        await Click(page, "Go on");
        await Expect(Status(page)).ToHaveTextAsync("finished", s_patient);
        await Expect(page.Locator(".curve svg polyline, .curve svg path").First).ToBeAttachedAsync();
        var known = page.Locator(".answers tbody tr").Filter(new() { Has = page.Locator("td.right:last-child") }).First;
        var answer = (await known.Locator("th").InnerTextAsync(), await known.Locator("td").First.InnerTextAsync());
        await Browser.Check(page);
        await Browser.Shoot(page, "run");
        return answer;
    }

    /// <summary>What waited has begun by itself; stopped, it leaves what it can go on from.</summary>
    private static async Task StopAndResumeSecond(IPage page)
    {
        await Browser.GoTo(page, "/runs/second");
        await Expect(page.Locator(".curve .latest").First).ToBeVisibleAsync(new() { Timeout = Long });
        await Click(page, "Stop");
        await Expect(Status(page)).ToHaveTextAsync("interrupted", s_patient);
        var step = await Step(page);

        await Click(page, "Resume");
        await Expect(Status(page)).ToHaveTextAsync("running", s_patient);
        await page.WaitForFunctionAsync(
            "step => parseInt(document.querySelectorAll('.figures dd')[1].innerText.replace(/\\D*\\/.*/s, '')) > step",
            step, new() { Timeout = Long });
        await Click(page, "Stop");
        await Expect(Status(page)).ToHaveTextAsync("interrupted", s_patient);
        Assert.True(await Step(page) > step);
    }

    /// <summary>The base, two runs and sums: where one run counts nothing, the sum says what the other says.</summary>
    private static async Task AskSeveral(IPage page, string question, string expected)
    {
        await Browser.GoTo(page, "/runs/first");
        await page.GetByRole(AriaRole.Link, new() { Name = "Ask it" }).ClickAsync();
        await Click(page, "Load");
        // The run's first question comes by itself.
        await Expect(page.Locator("#question")).Not.ToHaveValueAsync("", new() { Timeout = Long });
        await page.Locator("#question").FillAsync(question);
        await Click(page, "Ask");
        var spoken = page.Locator(".spoken");
        await Expect(spoken.Last.Locator(".answer-text")).ToHaveTextAsync(expected, s_patient);
        await Expect(spoken.First.Locator(".answer-text")).Not.ToHaveTextAsync(expected);
        await Expect(spoken.Locator(".answer-text span").First).ToHaveAttributeAsync("title", new Regex("%"));
        await Browser.Check(page);
        await Browser.Shoot(page, "playground");

        await Browser.Choose(page, "run", "second");
        await Click(page, "Load");
        await Expect(page.Locator(".speakers label")).ToHaveCountAsync(3, new() { Timeout = Long });
        await page.GetByText("Weighted sum of adapters").ClickAsync();
        await page.GetByLabel(new Regex("^first")).FillAsync("1");
        await page.GetByLabel(new Regex("^second")).FillAsync("0");
        await Click(page, "Add the sum");
        await Expect(page.Locator(".speakers")).ToContainTextAsync("1 × first");
        await page.GetByLabel(new Regex("^first")).FillAsync("0.5");
        await page.GetByLabel(new Regex("^second")).FillAsync("0.5");
        await Browser.Choose(page, "combination-type", "ties");
        await page.GetByLabel("combination_density").FillAsync("0.5");
        await Click(page, "Add the sum");
        await Expect(page.Locator(".speakers")).ToContainTextAsync("(ties, 0.5)");
        await Click(page, "Ask");
        await Expect(spoken).ToHaveCountAsync(5);
        await Expect(page.Locator(".caret")).ToHaveCountAsync(0, new() { Timeout = Long });
        var answers = await spoken.Locator(".answer-text").AllInnerTextsAsync();
        Assert.Equal(answers[1], answers[3]);
        Assert.NotEqual(answers[2], answers[3]);
        Assert.All(answers, Assert.NotEmpty);
        await Browser.Check(page);
        await Browser.Shoot(page, "sums");
    }

    private static async Task Compare(IPage page)
    {
        await Browser.GoTo(page, "/");
        await page.GetByLabel("Compare first").CheckAsync();
        await page.GetByLabel("Compare second").CheckAsync();
        await Browser.Check(page);
        await Browser.Shoot(page, "runs");
        await page.GetByRole(AriaRole.Link, new() { Name = "Compare" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Options that differ" }))
            .ToContainTextAsync("learning_rate");
        await Expect(page.GetByRole(AriaRole.Region, new() { Name = "Scores" })).ToContainTextAsync("second");
        await Browser.Check(page);
        await Browser.Shoot(page, "compare");
    }

    /// <summary>Every kind, one after the other, each with its receipt.</summary>
    private async Task ExportEverywhere(IPage page)
    {
        var hub = browser.Hub;
        await Browser.GoTo(page, "/export?run=first");
        await Export(page);
        foreach (var kind in new[] { "GGUF file", "Ollama", "Adapter as GGUF" })
        {
            await Browser.Choose(page, "what", kind);
            await Export(page);
        }

        await Expect(page.Locator(".receipt .status-finished")).ToHaveCountAsync(4, new() { Timeout = Long });
        await Browser.Shoot(page, "export");
        if (Browser.TakesPictures)
        {
            var vietnamese = await browser.Open("vi");
            await Browser.GoTo(vietnamese, "/export?run=first");
            await Browser.Shoot(vietnamese, "export.vi");
        }

        // The run names a folder of this machine as its base, which others do not have.
        await Browser.Choose(page, "what", "Hugging Face hub");
        await page.GetByLabel("Repository").FillAsync(Repository);
        await Export(page);
        await Expect(Receipt(page, "failed")).ToContainTextAsync("'base_model'", new() { Timeout = Long });
        await page.GetByLabel("Base model on the hub").FillAsync("lorikeet/nano-base");
        await Export(page);

        await Expect(page.Locator(".receipt .status-finished")).ToHaveCountAsync(5, new() { Timeout = Long });
        await Expect(page.Locator(".receipt")).ToHaveCountAsync(6);
        foreach (var (kind, figure) in new[]
                 {
                     ("Merged model", "Mean KL divergence"), ("GGUF file", "Stored as"),
                     ("Ollama", "Same first choice"), ("Adapter as GGUF", "Largest difference"),
                 })
        {
            await Expect(Receipt(page, kind)).ToContainTextAsync(figure);
        }

        await Expect(page.Locator(".receipt").First).ToContainTextAsync($"{hub.Endpoint}{Repository}");
        await Expect(page.Locator(".receipt").First).ToContainTextAsync("Commit");
        Assert.True(hub.Repositories[Repository].IsPrivate);
        Assert.Contains("base_model: lorikeet/nano-base",
            Encoding.UTF8.GetString(hub.Repositories[Repository].Files["README.md"]));
        var run = Path.Combine(browser.Runs, "first");
        foreach (var file in new[] { "merged/config.json", "first.gguf", "ollama/Modelfile", "first-lora.gguf" })
            Assert.True(File.Exists(Path.Combine(run, file)), file);
        await Browser.Check(page);
    }

    /// <summary>What the story left, as others see it: in another language, dark, on a phone.</summary>
    private static async Task LookAtResults(IPage page)
    {
        await Browser.GoTo(page, "/runs/first");
        await Expect(page.Locator(".curve svg polyline, .curve svg path").First).ToBeAttachedAsync();
        await Browser.Check(page);
        await Browser.GoTo(page, "/compare?run=first&run=second");
        await Expect(page.GetByText("learning_rate").First).ToBeVisibleAsync();
        await Browser.Check(page);
        await Browser.GoTo(page, "/export?run=first");
        await Expect(page.Locator(".receipt .status-finished")).ToHaveCountAsync(5);
        await Browser.Check(page);
        await Browser.GoTo(page, "/playground");
        await Expect(page.Locator(".speakers label").First).ToBeVisibleAsync();
        await Browser.Check(page);
    }

    /// <summary>The same pages in Vietnamese, dark and on a phone, for the documents.</summary>
    private async Task ShootForOthers(string question)
    {
        var page = await browser.Open("vi");
        await Browser.GoTo(page, "/data");
        await page.GetByRole(AriaRole.Button, new() { Name = "train.jsonl" }).ClickAsync();
        await Expect(page.Locator(".tokens .learned").First).ToBeVisibleAsync();
        await Browser.Shoot(page, "data.vi");
        await Browser.GoTo(page, "/new?like=first");
        await Expect(page.Locator(".parts")).ToBeVisibleAsync(new() { Timeout = Long });
        await Browser.Shoot(page, "new.vi");
        await Browser.GoTo(page, "/runs/first");
        await Browser.Shoot(page, "run.vi");
        await Browser.GoTo(page, "/playground");
        await page.Locator("#question").FillAsync(question);
        await page.GetByRole(AriaRole.Button, new() { Name = "Hỏi", Exact = true }).ClickAsync();
        await Expect(page.Locator(".spoken")).ToHaveCountAsync(4);
        await Expect(page.Locator(".caret")).ToHaveCountAsync(0, new() { Timeout = Long });
        await Browser.Shoot(page, "playground.vi");
        await Browser.GoTo(page, "/compare?run=first&run=second");
        await Browser.Shoot(page, "compare.vi");

        foreach (var language in new[] { "en", "vi" })
        {
            var phone = await browser.Open(language, isDark: true, Browser.Phone);
            await Browser.GoTo(phone, "/runs/first");
            await Browser.Shoot(phone, language == "en" ? "phone" : "phone.vi");
        }
    }

    private static async Task Export(IPage page)
    {
        var before = await page.Locator(".receipt").CountAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Export" }).ClickAsync();
        await Expect(page.Locator(".receipt")).ToHaveCountAsync(before + 1);
    }

    private static ILocator Receipt(IPage page, string text) =>
        page.Locator(".receipt").Filter(new() { Has = page.Locator("h3").GetByText(text) });

    private static ILocator Status(IPage page) => page.Locator(".figures .status");

    private static async Task<int> Step(IPage page) => int.Parse(
        (await page.Locator(".figures dd").Nth(1).InnerTextAsync()).Split('/')[0].Trim(),
        System.Globalization.CultureInfo.InvariantCulture);

    private static Task Click(IPage page, string button) =>
        page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();

    private static async Task Describe(IPage page, string name, params (string Option, string Text)[] options)
    {
        await page.Locator("#run-name").FillAsync(name);
        foreach (var (option, text) in options)
            await page.Locator($"#first-{option}").FillAsync(text);
        await Expect(page.GetByLabel("The same as a command")).ToContainTextAsync(name);
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "Start" }).Or(
            page.GetByRole(AriaRole.Button, new() { Name = "Add to the queue" })))
            .ToBeEnabledAsync(new() { Timeout = Long });
    }
}
