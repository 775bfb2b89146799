namespace Lorikeet.Models.Grammars.Schemas;

/// <summary>The types of JSON values that a schema allows.</summary>
[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,

    /// <summary>Numbers that are not whole; <c>number</c> is both.</summary>
    Fraction = 8,
    String = 16,
    Array = 32,
    Object = 64,
    All = Null | Boolean | Integer | Fraction | String | Array | Object,
}
