using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Lorikeet.Hub.Yaml;

/// <summary>
/// YamlDotNet's parser within bounds far above what people and tools write, for YAML from elsewhere: nested without end
/// it would exhaust the stack and take quadratic time, and keys that are collections can hide more than their text.
/// Every fault is a <see cref="YamlException"/>.
/// </summary>
/// <param name="text">The YAML.</param>
public sealed class GuardedYaml(string text) : IParser
{
    /// <summary>The longest text that is read.</summary>
    public const int MostCharacters = 8 << 20;

    private const int Deepest = 100;
    private const int MostEvents = 1 << 18;

    private readonly Parser _inner = new(new StringReader(text.Length <= MostCharacters ? text : ""));

    // What is open, innermost last: whether it is a mapping, and whether its next node is a key.
    private readonly List<(bool IsMapping, bool KeyNext)> _open = [];
    private int _events;

    /// <inheritdoc/>
    public ParsingEvent? Current => _inner.Current;

    /// <summary>The mapping at the root of the first document; null when there is none.</summary>
    /// <param name="text">The YAML.</param>
    /// <exception cref="YamlException">It is no YAML, or beyond the bounds.</exception>
    public static YamlMappingNode? ReadMapping(string text)
    {
        var yaml = new YamlStream();
        try
        {
            yaml.Load(new GuardedYaml(text));
        }
        catch (ArgumentException fault)
        {
            // What the scanner makes of an end without a beginning.
            throw new YamlException(Mark.Empty, Mark.Empty, "an end stands where a value was expected", fault);
        }

        return yaml.Documents.FirstOrDefault()?.RootNode as YamlMappingNode;
    }

    /// <inheritdoc/>
    /// <exception cref="YamlException">It is no YAML, or beyond the bounds.</exception>
    public bool MoveNext()
    {
        if (text.Length > MostCharacters)
            throw Beyond(Mark.Empty, $"it has {text.Length:N0} characters; at most {MostCharacters:N0} are read");
        if (!MoveInner())
            return false;
        var now = _inner.Current!;
        if (++_events > MostEvents)
            throw Beyond(now.Start, $"it has more than {MostEvents:N0} values and brackets");
        if (now is NodeEvent or AnchorAlias)
            Enter(now);
        if (now is MappingStart or SequenceStart)
            _open.Add((now is MappingStart, true));
        else if (now is MappingEnd or SequenceEnd)
            _open.RemoveAt(_open.Count - 1);
        if (_open.Count > Deepest)
            throw Beyond(now.Start, $"it is nested deeper than {Deepest} levels");
        return true;
    }

    private void Enter(ParsingEvent node)
    {
        if (_open is not [.., (IsMapping: true, var isKey)])
            return;
        if (isKey && node is not Scalar)
            throw new YamlNameException(node.Start);
        _open[^1] = (true, !isKey);
    }

    // The scanner's own bounds show as exceptions of the base class library, without a place.
    private bool MoveInner()
    {
        try
        {
            return _inner.MoveNext();
        }
        catch (Exception fault) when (fault is InvalidOperationException or ArgumentException or FormatException
            or OverflowException or IndexOutOfRangeException or NullReferenceException or InvalidCastException)
        {
            throw new YamlException(
                PlaceOf(_inner.Current), PlaceOf(_inner.Current),
                "a bracket, brace or quotation mark is opened and not closed, or a character is none", fault);
        }
    }

    private static Mark PlaceOf(ParsingEvent? last) => last?.End ?? Mark.Empty;

    private static YamlException Beyond(Mark place, string problem) => new(place, place, problem);
}
