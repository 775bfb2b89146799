using Mono.Cecil;

namespace Lorikeet.Architecture.Tests;

/// <summary>
/// The types that a type names or touches, read from compiled code: what flows through var is seen too.
/// </summary>
internal static class TypeUses
{
    /// <summary>Full names of the outermost types.</summary>
    public static IReadOnlySet<TypeReference> Of(TypeDefinition type)
    {
        var found = new HashSet<TypeReference>(ByName.Instance);
        foreach (var used in Direct(type).SelectMany(Parts))
            found.Add(Outermost(used));
        return found;
    }

    private static IEnumerable<TypeReference?> Direct(TypeDefinition type) =>
        [
            type.BaseType,
            .. type.Interfaces.Select(implemented => implemented.InterfaceType),
            .. type.CustomAttributes.Select(attribute => attribute.AttributeType),
            .. type.Fields.Select(field => field.FieldType),
            .. type.Properties.SelectMany(property => property.CustomAttributes)
                .Select(attribute => attribute.AttributeType),
            .. type.Methods.SelectMany(Direct),
            .. type.NestedTypes.SelectMany(Direct),
        ];

    private static IEnumerable<TypeReference?> Direct(MethodDefinition method)
    {
        yield return method.ReturnType;
        foreach (var parameter in method.Parameters)
            yield return parameter.ParameterType;
        if (!method.HasBody)
            yield break;
        foreach (var variable in method.Body.Variables)
            yield return variable.VariableType;
        foreach (var step in method.Body.Instructions)
        {
            switch (step.Operand)
            {
                case TypeReference named:
                    yield return named;
                    break;
                case FieldReference field:
                    yield return field.DeclaringType;
                    yield return field.FieldType;
                    break;
                case MethodReference called:
                    yield return called.DeclaringType;
                    yield return called.ReturnType;
                    foreach (var parameter in called.Parameters)
                        yield return parameter.ParameterType;
                    foreach (var argument in (called as GenericInstanceMethod)?.GenericArguments ?? [])
                        yield return argument;
                    break;
            }
        }
    }

    /// <summary>A generic type and its arguments, the element of an array, and the like.</summary>
    private static IEnumerable<TypeReference> Parts(TypeReference? type) => type switch
    {
        null or GenericParameter => [],
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Append(generic.ElementType),
        TypeSpecification specification => Parts(specification.ElementType),
        _ => [type],
    };

    private static TypeReference Outermost(TypeReference type) =>
        type.DeclaringType is { } outer ? Outermost(outer) : type;

    private sealed class ByName : IEqualityComparer<TypeReference>
    {
        public static ByName Instance { get; } = new();

        public bool Equals(TypeReference? x, TypeReference? y) => x?.FullName == y?.FullName;

        public int GetHashCode(TypeReference type) => type.FullName.GetHashCode(StringComparison.Ordinal);
    }
}
