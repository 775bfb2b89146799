namespace Lorikeet.Models.Grammars.Schemas;

/// <summary>The texts of formats that JSON schemas name, as expressions that all match the whole text.</summary>
internal static class StringFormats
{
    private const string Year = @"[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000"; // there is no year 0
    private const string LeapYear =
        "[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00";

    private const string Date =
        $"(?:(?:{Year})-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
        + $"|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:{LeapYear})-02-29)";

    private const string Time =
        "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{1,6})?(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])";

    private const string Number = "[0-9]{1,4}";
    private const string Months = $"{Number}M(?:{Number}D)?";
    private const string Minutes = $"{Number}M(?:{Number}S)?";
    private const string Hours = $"T(?:{Number}H(?:{Minutes})?|{Minutes}|{Number}S)";

    private const string Hexadecimal = "[0-9A-Fa-f]";
    private const string Label = "[0-9A-Za-z](?:[0-9A-Za-z-]{0,30}[0-9A-Za-z])?";
    private const string Host = $"{Label}(?:[.]{Label}){{0,4}}";
    private const string Octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private const string Group = $"{Hexadecimal}{{1,4}}";

    /// <summary>The expression of a format; null for one that says nothing about how it is written.</summary>
    public static string? Find(string format) => format switch
    {
        "date" => Date,
        "time" => Time,
        "date-time" => $"{Date}T{Time}",
        "duration" => $"P(?:{Number}W|(?:{Number}D|{Months}|{Number}Y(?:{Months})?)(?:{Hours})?|{Hours})",
        "uuid" => $"{Hexadecimal}{{8}}(?:-{Hexadecimal}{{4}}){{3}}-{Hexadecimal}{{12}}",
        "email" => $"[0-9A-Za-z_+-]{{1,32}}(?:[.][0-9A-Za-z_+-]{{1,32}}){{0,2}}@(?:{Label}[.]){{1,3}}[A-Za-z]{{2,12}}",
        "hostname" => Host,
        "ipv4" => $"{Octet}(?:[.]{Octet}){{3}}",
        "ipv6" => $"(?:{Group}:){{7}}{Group}",
        "uri" => $"[A-Za-z][0-9A-Za-z+.-]{{0,15}}://{Host}(?::[1-9][0-9]{{0,3}})?(?:/[0-9A-Za-z._~!$&'()*+,;=:@/-]*)?"
            + "(?:[?][0-9A-Za-z._~!$&'()*+,;=:@/?-]*)?(?:#[0-9A-Za-z._~!$&'()*+,;=:@/?-]*)?",
        _ => null,
    };
}
