using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using System.Xml;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace OptionTexts;

/// <summary>
/// Puts the documentation of options into their assembly, where the help and the schema read it: a program that is one
/// file has no XML beside it. <c>summary</c> says what an option does, <c>value</c> its default and why.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class OptionTextGenerator : IIncrementalGenerator
{
    private const string Option = "Lorikeet.Formats.Options.OptionAttribute";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var texts = context.SyntaxProvider
            .CreateSyntaxProvider(
            static (node, _) => node is PropertyDeclarationSyntax { Parent: RecordDeclarationSyntax }, TextOf)
            .Where(static text => text.Length > 0)
            .Collect();
        context.RegisterSourceOutput(texts, static (output, all) =>
        {
            if (!all.IsEmpty)
                output.AddSource("OptionTexts.g.cs", string.Concat(all.Distinct()));
        });
    }

    /// <summary>The attribute of an option or of a group of options; empty for other properties.</summary>
    private static string TextOf(GeneratorSyntaxContext context, CancellationToken cancellation)
    {
        if (context.SemanticModel.GetDeclaredSymbol(context.Node, cancellation) is not IPropertySymbol property ||
            !(IsOption(property) || property.Type.GetMembers().OfType<IPropertySymbol>().Any(IsOption)))
        {
            return "";
        }

        var documentation = Parse(property.GetDocumentationCommentXml(cancellationToken: cancellation));
        var id = property.GetDocumentationCommentId()!.Substring("P:".Length);
        string[] arguments = [id, Words(documentation?.Element("summary")), Words(documentation?.Element("value"))];
        var literals = arguments.Select(argument => SymbolDisplay.FormatLiteral(argument, quote: true));
        return $"[assembly: global::Lorikeet.Formats.Options.OptionText({string.Join(", ", literals)})]\n";
    }

    private static bool IsOption(IPropertySymbol property) =>
        property.GetAttributes().Any(attribute => attribute.AttributeClass?.ToDisplayString() == Option);

    private static XElement? Parse(string? documentation)
    {
        try
        {
            return string.IsNullOrEmpty(documentation) ? null : XElement.Parse(documentation);
        }
        catch (XmlException)
        {
            return null;
        }
    }

    private static string Words(XElement? element) =>
        element is null ? "" : Regex.Replace(element.Value, @"\s+", " ").Trim();
}
