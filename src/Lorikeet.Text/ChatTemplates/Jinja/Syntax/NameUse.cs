using Lorikeet.Text.ChatTemplates.Jinja.Builtins;

namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>Which names the template uses: those macros read, and filters and tests that do not exist.</summary>
/// <remarks>
/// An unknown filter or test fails when the template is parsed, except inside a branch, where it fails only when that
/// branch runs; so jinja2 has it, and templates rely on it to try features.
/// </remarks>
internal sealed class NameUse
{
    // What a macro can be given beside its parameters, if it reads it.
    private static readonly string[] Special = ["caller", "kwargs", "varargs"];

    private readonly Stack<HashSet<string>> _readers = new();
    private readonly List<(string Reason, int Line)> _unknown = [];

    public void Read(string name)
    {
        if (!Special.Contains(name))
            return;
        foreach (var reader in _readers)
            reader.Add(name);
    }

    /// <summary>Collects the special names read until <see cref="EndReader"/>.</summary>
    public void BeginReader() => _readers.Push([]);

    public IReadOnlySet<string> EndReader() => _readers.Pop();

    public void UseFilter(string name, int line)
    {
        if (!Filters.Exists(name))
            _unknown.Add(($"No filter named '{name}'.", line));
    }

    public void UseTest(string name, int line)
    {
        if (!Tests.Exists(name))
            _unknown.Add(($"No test named '{name}'.", line));
    }

    public int Mark() => _unknown.Count;

    /// <summary>Leaves what was unknown since <paramref name="mark"/> to the moment it runs.</summary>
    public void Forgive(int mark) => _unknown.RemoveRange(mark, _unknown.Count - mark);

    /// <summary>Fails when something since <paramref name="mark"/> was unknown.</summary>
    public void Enforce(int mark)
    {
        if (_unknown.Count > mark)
            throw JinjaException.Assertion(_unknown[mark].Reason, _unknown[mark].Line);
    }
}
