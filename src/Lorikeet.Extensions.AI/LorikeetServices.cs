using Lorikeet.Models.Generation;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lorikeet.Extensions.AI;

/// <summary>Models as services of an application.</summary>
public static class LorikeetServices
{
    /// <summary>
    /// Adds a model: an <see cref="IChatClient"/> and a <see cref="LorikeetChatClient"/> that share it, as singletons.
    /// It is loaded when the application starts, or when it is first asked, and released with the container; answers
    /// that are under way when the application stops are finished first, as long as its shutdown may take.
    /// </summary>
    /// <param name="services">Where it is added.</param>
    /// <param name="section">
    /// The section whose keys are the properties of <see cref="LorikeetOptions"/>. Others in it, and values that cannot
    /// be, are errors when the application starts.
    /// </param>
    /// <param name="configure">What code sets after the section was read; null for nothing.</param>
    public static IServiceCollection AddLorikeet(
        this IServiceCollection services, IConfiguration section, Action<LorikeetOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(section);
        return Add(services, null, section, configure);
    }

    /// <inheritdoc cref="AddLorikeet(IServiceCollection, IConfiguration, Action{LorikeetOptions})"/>
    /// <param name="services">Where it is added.</param>
    /// <param name="configure">Sets the options.</param>
    public static IServiceCollection AddLorikeet(this IServiceCollection services, Action<LorikeetOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Add(services, null, null, configure);
    }

    /// <summary>The same for one of several models, whose services and options have a key.</summary>
    /// <inheritdoc cref="AddLorikeet(IServiceCollection, IConfiguration, Action{LorikeetOptions})"/>
    /// <param name="services"/>
    /// <param name="key">Key of its services, and name of its options.</param>
    /// <param name="section"/>
    /// <param name="configure"/>
    public static IServiceCollection AddKeyedLorikeet(
        this IServiceCollection services, string key, IConfiguration section, Action<LorikeetOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentNullException.ThrowIfNull(section);
        return Add(services, key, section, configure);
    }

    /// <inheritdoc cref="AddKeyedLorikeet(IServiceCollection, string, IConfiguration, Action{LorikeetOptions})"/>
    /// <param name="services"/>
    /// <param name="key"/>
    /// <param name="configure">Sets the options.</param>
    public static IServiceCollection AddKeyedLorikeet(
        this IServiceCollection services, string key, Action<LorikeetOptions> configure)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentNullException.ThrowIfNull(configure);
        return Add(services, key, null, configure);
    }

    /// <summary>
    /// Adds the check of a model's health: it is well once it is loaded, and before that if it is to be loaded by the
    /// first request; its data say how busy it is.
    /// </summary>
    /// <param name="checks">Where it is added.</param>
    /// <param name="key">The key that the model was added with; null for none.</param>
    /// <param name="name">The check's name; null for <c>lorikeet</c>, with a key <c>lorikeet-KEY</c>.</param>
    /// <param name="failureStatus">What is reported while the model cannot answer; null for unhealthy.</param>
    /// <param name="tags">By which an endpoint picks checks, such as <c>ready</c>.</param>
    public static IHealthChecksBuilder AddLorikeet(
        this IHealthChecksBuilder checks, string? key = null, string? name = null, HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        return checks.Add(new HealthCheckRegistration(
            name ?? (key is null ? "lorikeet" : $"lorikeet-{key}"),
            provider => new HostedModelHealth(provider.GetRequiredKeyedService<HostedModel>(key)), failureStatus,
            tags));
    }

    private static IServiceCollection Add(
        IServiceCollection services, string? key, IConfiguration? section, Action<LorikeetOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddLogging();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<LorikeetOptions>, LorikeetOptionsValidation>());
        var options = services.AddOptions<LorikeetOptions>(key).ValidateOnStart();
        if (section is not null)
            options.Bind(section, binding => binding.ErrorOnUnknownConfiguration = true);
        if (configure is not null)
            options.Configure(configure);

        services.AddKeyedSingleton(key, (provider, _) => new HostedModel(
            key, provider.GetRequiredService<IOptionsMonitor<LorikeetOptions>>().Get(key),
            provider.GetRequiredService<ILogger<HostedModel>>()));
        services.AddKeyedSingleton(
            key, (provider, _) => new LorikeetChatClient(provider.GetRequiredKeyedService<HostedModel>(key)));
        services.AddKeyedSingleton<IChatClient>(
            key, (provider, _) => provider.GetRequiredKeyedService<LorikeetChatClient>(key));
        services.AddSingleton<IHostedService>(
            provider => new HostedModelService(provider.GetRequiredKeyedService<HostedModel>(key)));
        return services;
    }
}
