using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary><c>map</c>, <c>select</c>, <c>reject</c> and the two by attribute; all are lazy.</summary>
internal static class SelectionFilters
{
    public static object Map(object value, CallArguments arguments) => new PyIterator(MapItems(value, arguments));

    /// <summary>Keeps, or drops, the items that pass a test.</summary>
    public static object Select(object value, CallArguments arguments, bool byAttribute, bool keep) =>
        new PyIterator(SelectItems(value, arguments, byAttribute, keep));

    private static IEnumerable<object> MapItems(object value, CallArguments arguments)
    {
        if (!Comparison.IsTrue(value))
            yield break;
        var map = Mapping(arguments);
        foreach (var item in Iteration.Of(value))
            yield return map(item);
    }

    private static Func<object, object> Mapping(CallArguments arguments)
    {
        if (arguments.Positional.Count > 0)
        {
            var name = Display.Str(arguments.Positional[0]).Text;
            var rest = arguments.Skip(1);
            return item => Filters.Apply(name, item, new CallArguments(name, rest.Positional, rest.Named));
        }

        var attribute = arguments.Named.FirstOrDefault(pair => pair.Name == "attribute").Value
            ?? throw JinjaException.Argument("map requires a filter argument");
        var unexpected = arguments.Named.FirstOrDefault(pair => pair.Name is not ("attribute" or "default")).Name;
        if (unexpected is not null)
            throw JinjaException.Argument($"Unexpected keyword argument '{unexpected}'");
        var fallback = arguments.Named.FirstOrDefault(pair => pair.Name == "default").Value;
        return AttributePath.Parse(attribute, fallback).Of;
    }

    private static IEnumerable<object> SelectItems(object value, CallArguments arguments, bool byAttribute, bool keep)
    {
        if (!Comparison.IsTrue(value))
            yield break;
        if (byAttribute && arguments.Positional.Count == 0)
            throw JinjaException.Argument("Missing parameter for attribute name");
        var path = AttributePath.Parse(byAttribute ? arguments.Positional[0] : null);
        var test = Testing(arguments.Skip(byAttribute ? 1 : 0));
        foreach (var item in Iteration.Of(value))
        {
            if (test(path.Of(item)) == keep)
                yield return item;
        }
    }

    private static Func<object, bool> Testing(CallArguments arguments)
    {
        if (arguments.Positional.Count == 0)
            return Comparison.IsTrue;
        var name = Display.Str(arguments.Positional[0]).Text;
        var rest = arguments.Skip(1);
        return item => Tests.Apply(name, item, new CallArguments(name, rest.Positional, rest.Named));
    }
}
