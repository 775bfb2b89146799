using Lorikeet.Models.Generation;
using Lorikeet.Models.Generation.Constraints;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Tests.Generation.Constraints;

/// <summary>Which tokens a form allows, against trying every token alone.</summary>
public sealed class TokenMaskTests
{
    private const string Vietnamese = "Thủ đô của Việt Nam là Hà Nội 🦜👩‍🚀 café";

    public static TheoryData<string> Names => Tokenizers.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Mask_LeavesTheTokensThatLeadOn(string name)
    {
        var tokenizer = Tokenizers.Load(name);
        var form = TokenConstraints.FromRegex(tokenizer, @"(Hà Nội|Huế 🦜*|[\p{L} ]{1,12}\d+)(\.|!)?");
        foreach (var text in new[] { "", "H", "Hà", "Huế ", "abc", "abc 12", "Hà Nội" })
        {
            var (constraint, state) = (form.Start([]), form.StartState());
            foreach (var (id, isFirst) in Ids(tokenizer, text))
            {
                constraint.Accept(id);
                state = form.Next(state, id, isFirst);
            }

            var logits = new float[tokenizer.VocabularySize + 70]; // models have more rows than tokenizers
            constraint.Mask(logits);
            for (var id = 0; id < logits.Length; id++)
            {
                var leadsOn = id < tokenizer.VocabularySize && form.HasText(id, text.Length == 0)
                    && !form.Next(state, id, text.Length == 0).IsDead;
                Assert.True(leadsOn == (logits[id] == 0), $"token {id} after '{text}'");
            }
        }
    }

    /// <summary>A form of one text leaves nothing but the ways to spell it.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void OneText_IsSpelledWhateverTheModelLikes(string name)
    {
        var tokenizer = Tokenizers.Load(name);
        var text = name == "tok512_spm" ? "The capital is Ha Noi" : Vietnamese;
        var form = TokenConstraints.FromRegex(tokenizer, System.Text.RegularExpressions.Regex.Escape(text));
        for (var seed = 0ul; seed < 5; seed++)
            Assert.Equal(text, RandomWalk.Text(tokenizer, form, seed));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EncodedText_IsAllowedTokenByToken(string name)
    {
        var tokenizer = Tokenizers.Load(name);
        var form = TokenConstraints.FromRegex(tokenizer, ".*");
        var constraint = form.Start();
        var logits = new float[tokenizer.VocabularySize];
        foreach (var (id, _) in Ids(tokenizer, Vietnamese))
        {
            Array.Clear(logits);
            constraint.Mask(logits);
            Assert.Equal(0, logits[id]);
            constraint.Accept(id);
        }
    }

    [Fact]
    public void EndTokens_ComeWhereTheFormIsCompleteAndOnlyThere()
    {
        var tokenizer = Tokenizers.Nano;
        int[] ends = [tokenizer.EndToken!.Value, tokenizer.TokenToId("a")!.Value];
        var constraint = TokenConstraints.FromRegex(tokenizer, "b+a?").Start(ends);
        Assert.All(ends, id => Assert.False(Allows(constraint, tokenizer, id)));
        constraint.Accept(tokenizer.TokenToId("b")!.Value);
        Assert.All(ends, id => Assert.True(Allows(constraint, tokenizer, id)));
        Assert.False(constraint.IsComplete);
        constraint.Accept(ends[0]);
        Assert.True(constraint.IsComplete);
    }

    [Fact]
    public void SpecialTokens_NeverCome()
    {
        var tokenizer = Tokenizers.Nano;
        var logits = new float[tokenizer.VocabularySize];
        TokenConstraints.FromRegex(tokenizer, @"[\s\S]*").Start([]).Mask(logits);
        for (var id = 0; id < logits.Length; id++)
            if (tokenizer.IsSpecial(id))
                Assert.Equal(float.NegativeInfinity, logits[id]);
        Assert.Contains(0f, logits);
    }

    [Fact]
    public void EndTokensOutsideTheLogits_NeverCome()
    {
        var (logits, withoutEnds) = (
            new float[Tokenizers.Nano.VocabularySize], new float[Tokenizers.Nano.VocabularySize]);
        var form = TokenConstraints.FromRegex(Tokenizers.Nano, "b*");
        form.Start([-1, logits.Length, int.MaxValue]).Mask(logits);
        form.Start([]).Mask(withoutEnds);
        Assert.Equal(withoutEnds, logits);
        Assert.Equal(0, logits[Tokenizers.Nano.TokenToId("b")!.Value]);
    }

    [Fact]
    public void Accept_RefusesWhatTheMaskDoes()
    {
        var constraint = TokenConstraints.FromRegex(Tokenizers.Nano, "b").Start();
        Assert.Throws<InvalidOperationException>(() => constraint.Accept(Tokenizers.Nano.TokenToId("a")!.Value));
        Assert.Throws<InvalidOperationException>(() => constraint.Accept(Tokenizers.Nano.EndToken!.Value));
        constraint.Accept(Tokenizers.Nano.TokenToId("b")!.Value);
        Assert.True(constraint.IsComplete);
    }

    [Fact]
    public void Form_IsSharedByThreads()
    {
        var form = TokenConstraints.Json(Tokenizers.Nano);
        var texts = new string[6];
        Parallel.For(0, texts.Length, i => texts[i] = RandomWalk.Text(Tokenizers.Nano, form, (ulong)i % 2));
        for (var i = 2; i < texts.Length; i++)
            Assert.Equal(texts[i % 2], texts[i]);
    }

    private static bool Allows(TokenConstraint constraint, Tokenizer tokenizer, int id)
    {
        var logits = new float[tokenizer.VocabularySize];
        constraint.Mask(logits);
        return logits[id] == 0;
    }

    private static IEnumerable<(int Id, bool IsFirst)> Ids(Tokenizer tokenizer, string text) =>
        tokenizer.Encode(text, addSpecialTokens: false).Ids.Select((id, i) => (id, i == 0));
}
