using System.Globalization;
using System.Text;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>C's <c>strftime</c> in the C locale, for the date some templates print.</summary>
internal static class Strftime
{
    public static string Format(DateTimeOffset time, string format)
    {
        var result = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }

            // glibc: '%-d' leaves out the padding.
            var isUnpadded = format[i + 1] == '-' && i + 2 < format.Length;
            i += isUnpadded ? 2 : 1;
            var field = Field(time, format[i]);
            result.Append(isUnpadded ? Unpad(field) : field);
        }
        return result.ToString();
    }

    private static string Field(DateTimeOffset time, char directive) => directive switch
    {
        'a' => Net(time, "ddd"),
        'A' => Net(time, "dddd"),
        'b' or 'h' => Net(time, "MMM"),
        'B' => Net(time, "MMMM"),
        'c' => $"{Net(time, "ddd MMM")} {time.Day,2} {Net(time, "HH:mm:ss yyyy")}",
        'C' => $"{time.Year / 100:00}",
        'd' => Net(time, "dd"),
        'D' or 'x' => Net(time, "MM'/'dd'/'yy"),
        'e' => $"{time.Day,2}",
        'f' => Net(time, "ffffff"),
        'F' => Net(time, "yyyy-MM-dd"),
        'G' => $"{ISOWeek.GetYear(time.DateTime)}",
        'H' => Net(time, "HH"),
        'I' => Net(time, "hh"),
        'j' => $"{time.DayOfYear:000}",
        'm' => Net(time, "MM"),
        'M' => Net(time, "mm"),
        'n' => "\n",
        'p' => Net(time, "tt"),
        'R' => Net(time, "HH:mm"),
        's' => $"{time.ToUnixTimeSeconds()}",
        'S' => Net(time, "ss"),
        't' => "\t",
        'T' or 'X' => Net(time, "HH:mm:ss"),
        'u' => $"{((int)time.DayOfWeek + 6) % 7 + 1}",
        'U' => $"{(time.DayOfYear + 6 - (int)time.DayOfWeek) / 7:00}",
        'V' => $"{ISOWeek.GetWeekOfYear(time.DateTime):00}",
        'w' => $"{(int)time.DayOfWeek}",
        'W' => $"{(time.DayOfYear + 6 - ((int)time.DayOfWeek + 6) % 7) / 7:00}",
        'y' => Net(time, "yy"),
        'Y' => Net(time, "yyyy"),
        // datetime.now() knows no zone, so Python prints nothing for these.
        'z' or 'Z' => "",
        '%' => "%",
        _ => $"%{directive}",
    };

    private static string Unpad(string field)
    {
        var digits = field.TrimStart('0', ' ');
        return digits.Length == 0 && field.Length > 0 ? "0" : digits;
    }

    // A format of one letter would be read as one of .NET's standard formats.
    private static string Net(DateTimeOffset time, string format) =>
        time.ToString(format, CultureInfo.InvariantCulture);
}
