using System.Reflection;
using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Tests;

/// <summary>The options of all commands together.</summary>
public sealed class OptionTests
{
    private static readonly (PropertyInfo Property, OptionAttribute Option)[] s_options =
    [
        .. AssembliesOf(typeof(CommandLine).Assembly).SelectMany(assembly => assembly.GetTypes())
            .SelectMany(
            type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Select(property => (property, property.GetCustomAttribute<OptionAttribute>()!))
            .Where(option => option.Item2 is not null),
    ];

    [Fact]
    public void OptionsOfOneName_HaveTheSameAliases_OrSayWhyNot()
    {
        var recurring = s_options.Where(option => option.Option.Apart is null).GroupBy(option => option.Option.Name)
            .Where(same => same.Count() > 1);
        foreach (var same in recurring)
        {
            Assert.All(same, option => Assert.True(
                option.Option.Own.Count == 0,
                $"{option.Property.DeclaringType}: the aliases of '{same.Key}', which several commands have, stand " +
                "in OptionAliases."));
        }

        Assert.True(recurring.Count() > 15);
        Assert.All(
            s_options.Where(option => option.Option.Apart is not null),
            option => Assert.True(
                option.Option.Apart!.Length > 10
                    && s_options.Count(other => other.Option.Name == option.Option.Name) > 1,
                option.Option.Name));
    }

    [Fact]
    public void EveryOption_CarriesItsTextInItsAssembly()
    {
        var texts = s_options.Select(option => option.Property.DeclaringType!.Assembly).Distinct()
            .SelectMany(assembly => assembly.GetCustomAttributes<OptionTextAttribute>())
            .ToDictionary(text => text.Property);
        Assert.All(s_options, option =>
        {
            var text = texts[$"{option.Property.DeclaringType!.FullName}.{option.Property.Name}"];
            Assert.True(
                text.Summary.EndsWith('.') && text.Value.EndsWith('.'),
                $"{text.Property}: '{text.Summary}' '{text.Value}'");
        });
        Assert.True(s_options.Length > 200);
    }

    private static IEnumerable<Assembly> AssembliesOf(Assembly program) => program.GetReferencedAssemblies()
        .Where(name => name.Name!.StartsWith("Lorikeet", StringComparison.Ordinal)).Select(Assembly.Load)
        .SelectMany(
        assembly => assembly.GetReferencedAssemblies()
            .Where(name => name.Name!.StartsWith("Lorikeet", StringComparison.Ordinal)).Select(Assembly.Load)
            .Append(assembly))
        .Append(program).Distinct();
}
