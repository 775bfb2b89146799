using System.Text.RegularExpressions;
using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tests.Tokenization;

public sealed class PythonTranslatorTests
{
    [Theory]
    [InlineData(@".*\.(?P<m>q|v)_proj", "layers.0.q_proj")]
    [InlineData(@"(?P<m>a)(?P=m)", "aa")]
    [InlineData(@"layers\.\d{,2}\.q", "layers.11.q")]
    [InlineData(@"layers\.\d++\.q", "layers.123.q")]
    [InlineData(@"(?:layers|blocks)\.[0-3]?+\.[a-z_]++", "layers.2.q_proj")]
    [InlineData(@"\d{2}+x", "12x")]
    [InlineData(@"^q_proj$", "q_proj")]
    [InlineData(@"q_proj\Z", "q_proj")]
    [InlineData(@"[]a[-]+", "]a[-")]
    [InlineData(@"(?i)Q_PROJ", "q_proj")]
    [InlineData(@"(?i:Q)_proj", "q_proj")]
    [InlineData(@"q(?#which)_proj", "q_proj")]
    [InlineData(@"(?!k).*_proj(?<=proj)", "q_proj")]
    [InlineData(@"(?>a|ab)c", "ac")]
    [InlineData(@"[\w.]+\.(q|v)_proj", "model.layers.0.v_proj")]
    public void Translate_WhatPythonMatches_Matches(string pattern, string text) =>
        Assert.Matches($@"\A(?:{new PythonTranslator(pattern).Translate()})\z", text);

    [Theory]
    [InlineData(@".*+x", "aax")]
    [InlineData(@"a{1,3}+a", "aaa")]
    [InlineData(@"(?>a|ab)c", "abc")]
    [InlineData(@"\d{,2}", "123")]
    public void Translate_WhatPythonRefusesToMatch_DoesNotMatch(string pattern, string text) =>
        Assert.DoesNotMatch($@"\A(?:{new PythonTranslator(pattern).Translate()})\z", text);

    [Theory]
    [InlineData(@"a\")]
    [InlineData(@"\q")]
    [InlineData(@"[a")]
    [InlineData(@"(a")]
    [InlineData(@"(?P<a")]
    [InlineData(@"(?P=a")]
    [InlineData(@"(?#a")]
    [InlineData(@"(?y)")]
    public void Translate_WhatPythonRefuses_IsRefused(string pattern) => Assert.ThrowsAny<Exception>(
        () => Regex.IsMatch("a", new PythonTranslator(pattern).Translate()));
}
