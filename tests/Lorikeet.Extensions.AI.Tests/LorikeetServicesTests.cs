using Lorikeet.Serving;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lorikeet.Extensions.AI.Tests;

/// <summary>Models as services of a real host.</summary>
public sealed class LorikeetServicesTests(TinyModel tiny)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Section_IsReadAndTheModelLoadedAtTheStart()
    {
        var builder = Builder(
            ("Lorikeet:Model", TinyModel.Base),
            ("Lorikeet:Adapters:0", $"first={tiny.AdapterFolder}"),
            ("Lorikeet:Quantization", "Nf4"),
            ("Lorikeet:Device", "cpu"),
            ("Lorikeet:Engine:MaxSequences", "3"));
        builder.Services.AddLorikeet(builder.Configuration.GetSection("Lorikeet"));
        builder.Services.AddHealthChecks().AddLorikeet();
        using var app = builder.Build();
        await app.StartAsync(Cancellation);

        var client = app.Services.GetRequiredService<IChatClient>();
        var response = await client.GetResponseAsync("Hello", new() { MaxOutputTokens = 2 }, Cancellation);
        Assert.Equal("first", response.ModelId);
        var host = client.GetService<ModelHost>()!;
        Assert.Equal(["nano-base", "first"], host.Models.Select(served => served.Name));
        Assert.Equal(Quantization.Nf4, host.Model.Options.Quantization);
        Assert.Same(app.Services.GetRequiredService<LorikeetChatClient>(), client);

        var health = await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancellation);
        Assert.Equal(HealthStatus.Healthy, health.Status);
        Assert.Equal(["nano-base", "first"], (string[])health.Entries["lorikeet"].Data["models"]);
        await app.StopAsync(Cancellation);
    }

    [Theory]
    [InlineData("Lorikeet:Device", "cpu", "The model has neither 'Model' nor 'Adapters'.")]
    [InlineData("Lorikeet:Engine:MaxSequences", "0", "max_num_seqs is 0.")]
    public async Task OptionThatIsWrong_EndsTheStart(string key, string value, string message)
    {
        var builder = Builder((key, value));
        builder.Services.AddLorikeet(builder.Configuration.GetSection("Lorikeet"));
        using var app = builder.Build();

        var fault = await Assert.ThrowsAsync<OptionsValidationException>(() => app.StartAsync(Cancellation));
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task KeyThatIsNone_EndsTheStart()
    {
        var builder = Builder(("Lorikeet:Model", TinyModel.Base), ("Lorikeet:Modle", "x"));
        builder.Services.AddLorikeet(builder.Configuration.GetSection("Lorikeet"));
        using var app = builder.Build();

        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => app.StartAsync(Cancellation));
        Assert.Contains("Modle", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SeveralModels_HaveKeys()
    {
        var builder = Builder();
        builder.Services.AddKeyedLorikeet("plain", Tiny);
        builder.Services.AddKeyedLorikeet("tuned", options =>
        {
            Tiny(options);
            options.Adapters.Add($"facts={tiny.AdapterFolder}");
        });
        builder.Services.AddHealthChecks().AddLorikeet("plain").AddLorikeet("tuned", name: "other");
        using var app = builder.Build();
        await app.StartAsync(Cancellation);

        var plain = app.Services.GetRequiredKeyedService<IChatClient>("plain");
        var tuned = app.Services.GetRequiredKeyedService<IChatClient>("tuned");
        Assert.Null(app.Services.GetService<IChatClient>());
        Assert.Equal("nano-base", (await plain.GetResponseAsync("Hello", Few, Cancellation)).ModelId);
        Assert.Equal("facts", (await tuned.GetResponseAsync("Hello", Few, Cancellation)).ModelId);
        var health = await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancellation);
        Assert.Equal(["lorikeet-plain", "other"], health.Entries.Keys.Order());
        await app.StopAsync(Cancellation);
    }

    [Fact]
    public async Task WithoutWarmUp_TheFirstRequestLoads()
    {
        var builder = Builder();
        builder.Services.AddLorikeet(options =>
        {
            Tiny(options);
            options.WarmUp = false;
        });
        builder.Services.AddHealthChecks().AddLorikeet(tags: ["ready"]);
        using var app = builder.Build();
        await app.StartAsync(Cancellation);
        var client = app.Services.GetRequiredService<IChatClient>();
        Assert.Null(client.GetService<ModelHost>());
        var health = app.Services.GetRequiredService<HealthCheckService>();
        var before = await health.CheckHealthAsync(check => check.Tags.Contains("ready"), Cancellation);
        Assert.Equal(HealthStatus.Healthy, Assert.Single(before.Entries).Value.Status);

        await client.GetResponseAsync("Hello", Few, Cancellation);
        Assert.NotNull(client.GetService<ModelHost>());
        await app.StopAsync(Cancellation);
    }

    [Fact]
    public async Task ModelThatCannotBeLoaded_EndsTheApplication()
    {
        var builder = Builder();
        builder.Services.AddLorikeet(options => options.Model = Path.Combine(TinyModel.Base, "config.json"));
        builder.Services.AddHealthChecks().AddLorikeet();
        using var app = builder.Build();
        await app.StartAsync(Cancellation);

        await app.WaitForShutdownAsync(Cancellation);
        var health = await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancellation);
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.StartsWith(
            "The model cannot be loaded:", health.Entries["lorikeet"].Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stop_LetsAnswersEnd()
    {
        var builder = Builder();
        builder.Services.AddLorikeet(Tiny);
        using var app = builder.Build();
        await app.StartAsync(Cancellation);
        var client = app.Services.GetRequiredService<IChatClient>();
        var options = new ChatOptions { MaxOutputTokens = 60, AdditionalProperties = new() { ["ignore_eos"] = true } };
        await using var answer = client.GetStreamingResponseAsync("Hello", options, Cancellation)
            .GetAsyncEnumerator(Cancellation);
        Assert.True(await answer.MoveNextAsync());

        await app.StopAsync(Cancellation);
        ChatFinishReason? finish = null;
        while (await answer.MoveNextAsync())
            finish = answer.Current.FinishReason;
        Assert.Equal(ChatFinishReason.Length, finish);
        await Assert.ThrowsAnyAsync<Exception>(() => client.GetResponseAsync("Hello", Few, Cancellation));
    }

    [Fact]
    public async Task Middleware_WrapsTheClient()
    {
        var builder = Builder();
        builder.Services.AddLorikeet(Tiny);
        builder.Services.AddChatClient(provider => provider.GetRequiredService<LorikeetChatClient>())
            .ConfigureOptions(options => options.MaxOutputTokens = 1);
        await using var provider = builder.Services.BuildServiceProvider();

        var response = await provider.GetRequiredService<IChatClient>().GetResponseAsync("Hello", null, Cancellation);
        Assert.Equal(1, response.Usage!.OutputTokenCount);
    }

    private static ChatOptions Few => new() { MaxOutputTokens = 2 };

    private static void Tiny(LorikeetOptions options) => (options.Model, options.Device) = (TinyModel.Base, "cpu");

    private static HostApplicationBuilder Builder(params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection(
            settings.Select(one => KeyValuePair.Create(one.Key, (string?)one.Value)));
        builder.Logging.ClearProviders();
        return builder;
    }
}
