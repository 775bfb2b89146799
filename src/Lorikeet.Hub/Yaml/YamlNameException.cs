using YamlDotNet.Core;

namespace Lorikeet.Hub.Yaml;

/// <summary>YAML, but with a name that is no plain text: none of the files read here has such.</summary>
/// <param name="place">Where the name begins.</param>
public sealed class YamlNameException(Mark place) : YamlException(
    place, place, "a name is a list, a mapping or a reference where plain text was expected");
