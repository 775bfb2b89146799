using System.Collections.Concurrent;
using System.Text.Json;
using Lorikeet.Cli.Tests.Interop;
using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Testing;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;
using TemporaryFolder = Lorikeet.Testing.TemporaryFolder;

[assembly: AssemblyFixture(typeof(Lorikeet.Studio.Tests.Browser))]

namespace Lorikeet.Studio.Tests;

/// <summary>
/// One studio on the embedded model and data, a hub on this machine that it fetches from and publishes to, and one
/// Chromium that looks at it, for all tests. Tests of pages are skipped where there is no Chromium.
/// </summary>
public sealed class Browser : IAsyncLifetime
{
    /// <summary>Width of a phone.</summary>
    public const int Phone = 390;

    private const int Patience = 120_000;

    private const string NoBrowser = "No Chromium is here, at /usr/bin/chromium or where CHROMIUM says.";

    private static readonly string[] s_flags =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly string _before = Environment.CurrentDirectory;
    private readonly ConcurrentQueue<string> _faults = new();
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private HubOfTheProcess _hubOfTheProcess = null!;
    private StudioServer _studio = null!;

    /// <summary>Where the studio is.</summary>
    public Uri Address => _studio.Address;

    /// <summary>Faults that no page could show.</summary>
    public IEnumerable<string> Faults => _faults;

    /// <summary>The folder of its runs.</summary>
    public string Runs => _folder["runs"];

    /// <summary>Whether pictures are taken for the documents.</summary>
    public static bool TakesPictures => Pictures is not null;

    /// <summary>The hub.</summary>
    internal LocalHub Hub { get; private set; } = null!;

    private static string? Pictures => Environment.GetEnvironmentVariable("LORIKEET_SHOTS") is { Length: > 0 } folder
        ? Path.GetFullPath(folder, TestAssets.Root) : null;

    private static string Chromium => Environment.GetEnvironmentVariable("CHROMIUM") ?? "/usr/bin/chromium";

    private static string Axe => Path.Combine(
        TestAssets.Root, "tests", "Lorikeet.Studio.Tests", "Axe", "node_modules", "axe-core", "axe.min.js");

    public async ValueTask InitializeAsync()
    {
        CopyAssets("nano-base");
        CopyAssets("facts-qa");
        Environment.CurrentDirectory = _folder.Path; // pages name files from there
        Hub = await LocalHub.StartAsync();
        _hubOfTheProcess = new HubOfTheProcess(Hub, Hub.CacheFolder);
        await File.WriteAllTextAsync(Path.Combine(Hub.CacheFolder, "token"), LocalHub.Token);
        _studio = await StudioServer.Start(new StudioOptions
        {
            Port = 0,
            Runs = Runs,
            Data = _folder["assets/facts-qa"],
            Model = "assets/nano-base",
        }, "./lorikeet", report => _faults.Enqueue(report), TestContext.Current.CancellationToken);
        if (!File.Exists(Chromium))
            return;
        Assertions.SetDefaultExpectTimeout(Patience); // a machine that is busy is no fault of the page
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium, Args = s_flags });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
        await _studio.DisposeAsync();
        _hubOfTheProcess.Dispose();
        await Hub.DisposeAsync();
        Environment.CurrentDirectory = _before;
        _folder.Dispose();
    }

    /// <summary>Writes a file into the current folder.</summary>
    internal void Write(string name, string text) => File.WriteAllText(_folder[name], text);

    /// <summary>A page of its own.</summary>
    /// <param name="language">Code of its language.</param>
    /// <param name="isDark">Whether it is dark.</param>
    /// <param name="width">Width of the window.</param>
    public async Task<IPage> Open(string language = "en", bool isDark = false, int width = 1280)
    {
        Assert.SkipWhen(_browser is null, NoBrowser);
        var context = await _browser.NewContextAsync(new()
        {
            BaseURL = Address.ToString(),
            ViewportSize = new() { Width = width, Height = 900 },
            ColorScheme = isDark ? ColorScheme.Dark : ColorScheme.Light,
            Locale = language,
            ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(Patience);
        var page = await context.NewPageAsync();
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
                TestContext.Current.AddWarning(message.Text);
        };
        return page;
    }

    /// <summary>Goes to a page, and waits until it answers to clicks.</summary>
    public static async Task GoTo(IPage page, string path)
    {
        await page.GotoAsync(path);
        await page.Locator("#content[data-live]").WaitForAsync();
    }

    /// <summary>Chooses in a list that opens.</summary>
    /// <param name="page">The page.</param>
    /// <param name="id">Id of the list.</param>
    /// <param name="text">What is chosen.</param>
    public static async Task Choose(IPage page, string id, string text)
    {
        await page.Locator($".mud-input-control.mud-select:has(#{id})").ClickAsync();
        await page.Locator(".mud-popover-open").GetByText(text, new() { Exact = true }).ClickAsync();
        await Expect(page.Locator(".mud-popover-open")).ToHaveCountAsync(0);
    }

    /// <summary>
    /// A picture for the documents, where LORIKEET_SHOTS names a folder for them: docs/images, when pages have changed.
    /// </summary>
    public static async Task Shoot(IPage page, string name)
    {
        if (!TakesPictures)
            return;
        await page.WaitForTimeoutAsync(2000); // charts measure their labels
        await page.ScreenshotAsync(new() { Path = Path.Combine(Pictures!, $"studio-{name}.png") });
    }

    /// <summary>
    /// Fails where axe finds something wrong with a page, it is wider than the window, or it would look otherwise under
    /// the whole stylesheet of the component library, of which the studio has a part.
    /// </summary>
    public static async Task Check(IPage page)
    {
        var found = await Problems(page);
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    private void CopyAssets(string name)
    {
        var to = Directory.CreateDirectory(_folder[$"assets/{name}"]).FullName;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(TestAssets.Root, "assets", name)))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    private static string Beside(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, file));

    private static async Task<List<string>> Problems(IPage page)
    {
        var found = new List<string>();
        var wide = await page.EvaluateAsync<int>(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth");
        if (wide > 0)
            found.Add(FormattableString.Invariant($"{page.Url} is {wide} pixels wider than the window"));
        found.AddRange((await page.EvaluateAsync<string[]>(Beside("differences.js"), Beside("MudBlazor.min.css")))
            .Select(difference => $"{page.Url}: {difference} with all of MudBlazor's styles: add to styles.txt"));
        if (!File.Exists(Axe))
            return found;
        await page.EvaluateAsync(await File.ReadAllTextAsync(Axe));
        var result = await page.EvaluateAsync<JsonElement>(
            "async () => (await axe.run()).violations.map(v => ({ id: v.id, help: v.help, "
            + "nodes: v.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary) }))");
        found.AddRange(result.EnumerateArray().Select(
            violation => $"{page.Url}: {violation.GetProperty("id")}: {violation.GetProperty("help")}\n  "
                + string.Join("\n  ", violation.GetProperty("nodes").EnumerateArray().Take(4))));
        return found;
    }
}
