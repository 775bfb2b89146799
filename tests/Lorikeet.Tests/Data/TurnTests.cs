using Lorikeet.Data;
using Lorikeet.Data.Datasets;

namespace Lorikeet.Tests.Data;

/// <summary>Who says what in a conversation, and what of it is learned.</summary>
public sealed class TurnTests : IDisposable
{
    private const string Plain = "<s> ### Human: Hi ### Assistant:⟦ Yo</s>⟧";
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    private TrainingData Load(params string[] rows) =>
        DataFixture.Load(_data.Write("a.jsonl", string.Join('\n', rows)));

    [Theory]
    [InlineData("user ", " assistant")]
    [InlineData("human", "gpt")]
    [InlineData("User", "Assistant")]
    [InlineData("USER", "ASSISTANT")]
    [InlineData("prompter", "model")]
    [InlineData("Human", "bot")]
    public void Roles_AreKnownInOtherSpellings(string user, string assistant)
    {
        var messages = Load(
            $$"""{"messages":[{"role":"{{user}}","content":"Hi"},{"role":"{{assistant}}","content":"Yo"}]}""");
        Assert.Equal(Plain, DataFixture.Show(messages.Train[0]));
        var shareGpt = Load(
            $$"""{"conversations":[{"from":"{{user}}","value":"Hi"},{"from":"{{assistant}}","value":"Yo"}]}""");
        Assert.Equal(Plain, DataFixture.Show(shareGpt.Train[0]));
    }

    [Theory]
    [InlineData("""[[["user"]]]""")]
    [InlineData("""[1]""")]
    [InlineData("""[{"text":"a","type":{}}]""")]
    [InlineData("""[{"text":"a","type":1}]""")]
    public void PartsOfATurn_ThatAreNoText_AreRefused(string content) => Assert.Throws<DatasetException>(() => Load(
        $$"""{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":{{content}}}]}"""));

    [Theory]
    [InlineData("role", "content")]
    [InlineData("from", "value")]
    public void Developer_IsTheSystem(string role, string content) => Assert.Equal(
        "<s> Be kind ### Human: Hi ### Assistant:⟦ Yo</s>⟧",
        DataFixture.Show(
            Load(
                $$"""{"messages":[{"{{role}}":"developer","{{content}}":"Be kind"},{"{{role}}":"user","{{content}}":"Hi"},{"{{role}}":"assistant","{{content}}":"Yo"}]}""").Train[0]));

    [Fact]
    public void Developer_StaysForATemplateThatKnowsIt()
    {
        var template = _data.Write(
            "t.jinja",
            "{% for m in messages %}{% if m.role == 'developer' %}D:{% endif %}{{ m.content }};{% endfor %}");
        var path = _data.Write(
            "a.jsonl",
            """{"messages":[{"role":"developer","content":"Be"},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]}""");
        Assert.Equal(
            "<s> D:Be;Hi;⟦Yo;</s>⟧",
            DataFixture.Show(DataFixture.Load(path, new DataOptions { ChatTemplate = template }).Train[0]));
    }

    [Fact]
    public void UnknownRoles_AreNamed()
    {
        var fault = Assert.Throws<DatasetException>(
            () => Load("""{"messages":[{"role":"teacher","content":"Hi"},{"role":"pupil","content":"Yo"}]}"""));
        Assert.Contains("are teacher, pupil; expected are system, user, assistant, tool", fault.Message);
    }

    [Fact]
    public void ConversationWithoutAnAssistant_SaysWhichRolesItHas()
    {
        var fault = Assert.Throws<DatasetException>(() => Load("""{"messages":[{"role":"user","content":"Hi"}]}"""));
        Assert.Contains("nothing said by an assistant (roles: user)", fault.Message);
    }

    [Theory]
    [InlineData("\"weight\":0")]
    [InlineData("\"weight\":0.0")]
    [InlineData("\"weight\":false")]
    [InlineData("\"weight\":\"0\"")]
    [InlineData("\"train\":false")]
    [InlineData("\"loss\":false")]
    public void TurnThatIsSwitchedOff_IsReadButNotLearned(string off)
    {
        const string Expected = "<s> ### Human: A ### Assistant: B ### Human: C ### Assistant:⟦ D</s>⟧";
        Assert.Equal(Expected, DataFixture.Show(Load(
            $$"""{"messages":[{"role":"user","content":"A"},{"role":"assistant","content":"B",{{off}}},{"role":"user","content":"C"},{"role":"assistant","content":"D","weight":1.0}]}""").Train[0]));
        Assert.Equal(Expected, DataFixture.Show(Load(
            $$"""{"conversations":[{"from":"human","value":"A"},{"from":"gpt","value":"B",{{off}}},{"from":"human","value":"C"},{"from":"gpt","value":"D"}]}""").Train[0]));
    }

    [Fact]
    public void TurnThatIsSwitchedOff_IsNotLearned_WhereTheTemplateRewritesEarlierTurns()
    {
        var template = _data.Write("t.jinja",
            "{% for m in messages %}{% if m.role == 'user' %}{{ loop.index }}of{{ messages|length }}:{% endif %}{{ " +
            "m.content }};{% endfor %}");
        var path = _data.Write(
            "a.jsonl",
            """{"messages":[{"role":"user","content":"A"},{"role":"assistant","content":"B","weight":0},{"role":"user","content":"C"},{"role":"assistant","content":"D"}]}""");
        var shown = DataFixture.Show(DataFixture.Load(path, new DataOptions { ChatTemplate = template }).Train[0]);
        Assert.DoesNotContain("⟦B", shown);
        Assert.Contains("⟦D", shown);
    }

    [Fact]
    public void WeightBetweenNothingAndAll_IsRefused() => Assert.Contains(
        "a weight of 0 or 1, not 0.5",
        Assert.Throws<DatasetException>(() => Load(
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo","weight":0.5}]}"""))
            .Message);

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":""}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null}]}""")]
    [InlineData("""{"conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"  "}]}""")]
    [InlineData("""{"prompt":[{"role":"user","content":"Hi"}],"completion":[{"role":"assistant","content":""}]}""")]
    [InlineData(
        """{"chosen":[{"role":"user","content":"Hi"},{"role":"assistant","content":""}],"rejected":[{"role":"assistant","content":"No"}]}""")]
    [InlineData("""{"conversation":[{"input":"Hi","output":""}]}""")]
    [InlineData("""{"text":"### Human: Hi ### Assistant: "}""")]
    [InlineData("""{"text":"<s>[INST] Hi [/INST] </s>"}""")]
    public void EmptyAnswer_TeachesNothing(string row) =>
        Assert.Contains("can be learned from", Assert.Throws<DatasetException>(() => Load(row)).Message);

    [Fact]
    public void EmptyAnswerAmongOthers_IsNotLearned() => Assert.Equal(
        "<s> ### Human: A ### Assistant:  ### Human: C ### Assistant:⟦ D</s>⟧",
        DataFixture.Show(
            Load(
                """{"messages":[{"role":"user","content":"A"},{"role":"assistant","content":""},{"role":"user","content":"C"},{"role":"assistant","content":"D"}]}""").Train[0]));

    [Theory]
    [InlineData("""[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}]""")]
    [InlineData("""[["Hi","Yo"]]""")]
    [InlineData("""[{"from":"human","value":"Hi"},{"from":"gpt","value":"Yo"}]""")]
    [InlineData("""[{"question":"Hi","answer":"Yo"}]""")]
    public void History_IsReadInEveryForm(string history)
    {
        Assert.EndsWith(
            "### Instruction:\nHi\n\n### Response:\n⟦Yo⟧\n\n### Instruction:\nNow?\n\n### Response:\n⟦late</s>⟧",
            DataFixture.Show(Load($$"""{"instruction":"Now?","output":"late","history":{{history}}}""").Train[0]));
        Assert.Equal(
            "<s> ### Human: Hi ### Assistant:⟦ Yo⟧ ### Human: Now? ### Assistant:⟦ late</s>⟧",
            DataFixture.Show(Load($$"""{"question":"Now?","answer":"late","history":{{history}}}""").Train[0]));
    }

    [Fact]
    public void HistoryOfAnotherForm_IsRefused() => Assert.Contains(
        "column 'history'",
        Assert.Throws<DatasetException>(
            () => Load("""{"instruction":"Now?","output":"late","history":[{"a":"b"}]}""")).Message);

    [Fact]
    public void UndesirableConversations_AreLeftOut()
    {
        var data = Load(
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}],"label":true}""",
            """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"No"}],"label":false}""");
        Assert.Equal(Plain, DataFixture.Show(Assert.Single(data.Train)));
    }

    [Fact]
    public void NoAnswerAndABlankContext_IsNotUnanswerable() => Assert.Contains(
        "no answer: 1 row",
        Assert.Throws<DatasetException>(() => Load("""{"question":"Q","context":" ","answers":[]}""")).Message);
}
