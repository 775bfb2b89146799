using NanoBase.Facts;

namespace NanoBase.Generation;

/// <summary>
/// Which entities questions are trained on and which are kept for evaluation: about 35 % of every domain is kept.
/// Entities that share a name across domains (the country and the state of Georgia) stay on one side.
/// </summary>
internal sealed class EntitySplit
{
    private const double HeldOutShare = 0.35;

    private readonly Dictionary<string, bool> _isHeldOut = new(StringComparer.Ordinal);

    public EntitySplit(IReadOnlyList<Entity> entities, SeededRandom random)
    {
        foreach (var domain in entities.GroupBy(entity => entity.Domain))
        {
            var wanted = (int)Math.Round(domain.Count() * HeldOutShare);
            var undecided = random.Shuffle(domain.Where(entity => Decided(entity) is null));
            wanted -= domain.Count(entity => Decided(entity) is true);
            foreach (var entity in undecided)
                Decide(entity, Decided(entity) ?? wanted-- > 0);
        }
    }

    public bool IsHeldOut(Entity entity) => Decided(entity) is true;

    private bool? Decided(Entity entity)
    {
        foreach (var name in Names(entity))
        {
            if (_isHeldOut.TryGetValue(name, out var isHeldOut))
                return isHeldOut;
        }
        return null;
    }

    private void Decide(Entity entity, bool isHeldOut)
    {
        foreach (var name in Names(entity))
            _isHeldOut[name] = isHeldOut;
    }

    private static IEnumerable<string> Names(Entity entity) => LanguageCodes.All.Select(language =>
    {
        var name = entity.Name.In(language).Trim('"');
        return (name.StartsWith("the ", StringComparison.Ordinal) ? name[4..] : name).ToLowerInvariant();
    });
}
